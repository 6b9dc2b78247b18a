import { expect } from 'vitest';
import { type MatmulInternals, multiply } from '../../src/gemm/matmul.ts';
import type { Engine } from '../../src/gpu/engine.ts';
import type { Tensor } from '../../src/gpu/tensor.ts';
import { perChannel, perTensor } from '../../src/quant/granularity.ts';
import { quantize } from '../../src/quant/quantize.ts';
import type { CodeLayout, QuantizedTensor } from '../../src/quant/quantizedTensor.ts';
import { integerMatmul } from '../reference/quant.ts';
import type { Random } from '../reference/random.ts';

/** M, N and K around the sizes of tiles, vectors and words. */
export const boundaryShapes = [
  [1, 1, 1],
  [1, 5, 15],
  [7, 63, 16],
  [8, 8, 17],
  [9, 65, 3],
  [16, 31, 64],
  [17, 33, 67],
  [33, 9, 129],
  [65, 16, 33],
] as const;

/** Codes and what they stand for. */
export interface Codes {
  readonly values: Int32Array<ArrayBuffer>;
  readonly zeroPoints: Int32Array<ArrayBuffer>;
  readonly bits: number;
  readonly signed: boolean;
}

/** Random codes of n bits, the extremes among them, with random zero points. */
export function randomCodes(
  random: Random,
  count: number,
  { bits = 8, signed = true, zeroPointCount = 1 }: { bits?: number; signed?: boolean; zeroPointCount?: number },
): Codes {
  const low = signed ? -(2 ** (bits - 1)) : 0;
  const high = low + 2 ** bits - 1;
  const values = random.integerArray(count, low, high);
  if (count > 1) values.set([low, high]);
  return { values, zeroPoints: random.integerArray(zeroPointCount, low, high), bits, signed };
}

/** A quantized tensor of scale 1 that holds exactly these codes; zero points one per channel of `axis`, or one. */
export function tensorOfCodes(
  engine: Engine,
  codes: Codes,
  shape: readonly number[],
  options: { readonly layout?: CodeLayout; readonly axis?: number; readonly scales?: readonly number[] } = {},
): QuantizedTensor {
  const { values, zeroPoints, bits, signed } = codes;
  const { layout = 'flat', axis } = options;
  const length = axis === undefined ? 1 : (shape[axis] as number);
  const inner = axis === undefined ? 1 : shape.slice(axis + 1).reduce((product, extent) => product * extent, 1);
  const parameterOf = (index: number): number => (axis === undefined ? 0 : Math.floor(index / inner) % length);
  const scales = options.scales ?? new Array<number>(length).fill(1);
  const floats = Float32Array.from(
    values,
    (value, index) => (value - (zeroPoints[parameterOf(index)] as number)) * (scales[parameterOf(index)] as number),
  );
  const x = engine.tensor(floats, shape);
  const granularity = axis === undefined ? perTensor() : perChannel(axis);
  const tensor = quantize(engine, x, { bits, signed, scheme: 'asymmetric', granularity, layout, scales, zeroPoints });
  x.dispose();
  return tensor;
}

/** Disposes all of them. */
export function dispose(...tensors: readonly (Tensor | QuantizedTensor)[]): void {
  for (const tensor of tensors) tensor.dispose();
}

/** Multiplies random codes with random zero points on a kernel; the i32 result must be exact. */
export async function expectExactProduct(
  engine: Engine,
  random: Random,
  [M, N, K]: readonly [number, number, number],
  internals: MatmulInternals,
  signed: { readonly x: boolean; readonly w: boolean } = { x: true, w: true },
): Promise<void> {
  const x = randomCodes(random, M * K, { signed: signed.x, zeroPointCount: M });
  const w = randomCodes(random, K * N, { signed: signed.w, zeroPointCount: N });
  const left = tensorOfCodes(engine, x, [M, K], { layout: 'rows', axis: 0 });
  const right = tensorOfCodes(engine, w, [K, N], { layout: 'columns', axis: 1 });
  const bias = engine.tensor(random.integerArray(N, -1000, 1000), [N]);
  const y = multiply(engine, left, right, { output: 'int32', bias }, internals);
  const exact = integerMatmul(x.values, w.values, { M, N, K, zeroPointA: x.zeroPoints, zeroPointB: w.zeroPoints });
  const added = await bias.read();
  const got = await y.read();
  dispose(left, right, bias, y);
  expect(Array.from(got)).toEqual(Array.from(exact, (sum, index) => sum + (added[index % N] as number)));
}
