import { elementCount } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { type ByteQuantization, type ByteType, lowestCode } from '../quant/byteCodes.ts';
import { integerMultiplier } from '../quant/requantize.ts';

const kernel = declareKernel({
  name: 'conv/globalPoolBytes',
  uniforms: {
    quadStart: 'u32',
    quadEnd: 'u32',
    pixels: 'u32',
    channels: 'u32',
    quads: 'u32',
    xFlip: 'u32',
    zeroSum: 'i32',
    multiplier: 'i32',
    shift: 'i32',
    yZero: 'i32',
    lowest: 'i32',
  },
  bindings: { x: 'read', y: 'write' },
});

const workPerQuad = 60;

/** How codes are averaged over all pixels. */
export interface GlobalMeanOptions {
  readonly input: ByteQuantization;
  readonly output: ByteQuantization;
  /** From a sum of codes less their zero points to steps of the output: above 0, a float32. */
  readonly factor: number;
}

/**
 * Records the mean of codes x [batch, …spatial, channels] over its spatial axes, which are not empty and have 2²³ pixels at
 * most, in integers alone: Σ(x − zero point) · factor, rounded half to even, plus the output's zero point.
 * @param lanes invocations that share a channel; by the adapter unless given
 * @returns [batch, 1 for each spatial axis, channels]
 */
export function globalMeanBytes(
  engine: Engine,
  x: Tensor<ByteType>,
  { input, output, factor }: GlobalMeanOptions,
  lanes: 1 | 64 = engine.info.software ? 1 : 64,
): Tensor<ByteType> {
  const [batchCount = 0, ...rest] = x.shape;
  const spatial = rest.slice(0, -1);
  const { columnCount: channels, rowBytes } = x.layout;
  const y = engine.empty([batchCount, ...spatial.map(() => 1), channels], output.dtype);
  const pixels = elementCount(spatial);
  const quads = rowBytes / 16;
  const [multiplier, shift] = integerMultiplier(factor);
  const zeroPoint = input.zeroPoint - lowestCode(input.dtype) - 128;
  const quadCount = batchCount * quads;
  const workOfQuad = workPerQuad * pixels + 1000;
  const step = Math.max(1, Math.floor(engine.workBudget / workOfQuad));
  for (let quadStart = 0; quadStart < quadCount; quadStart += step) {
    const quadEnd = Math.min(quadStart + step, quadCount);
    engine.run(kernel, {
      uniforms: {
        quadStart,
        quadEnd,
        pixels,
        channels,
        quads,
        xFlip: x.dtype === 'uint8' ? 0x80808080 : 0,
        zeroSum: zeroPoint * pixels,
        multiplier,
        shift,
        yZero: output.zeroPoint,
        lowest: lowestCode(output.dtype),
      },
      bindings: { x, y },
      workgroups: Math.ceil(((quadEnd - quadStart) * lanes) / 64),
      work: (quadEnd - quadStart) * workOfQuad,
      variant: { conditions: { cooperative: lanes > 1 }, constants: { LANES: lanes } },
    });
  }
  return y;
}
