import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dequantize } from '../../src/quant/dequantize.ts';
import { type Granularity, perChannel, perGroup, perTensor } from '../../src/quant/granularity.ts';
import { quantize } from '../../src/quant/quantize.ts';
import type { CodeLayout } from '../../src/quant/quantizedTensor.ts';
import {
  type ChosenParameters,
  chooseAsymmetric,
  chooseSymmetric,
  dequantizeLinear,
  parameterIndices,
  quantizeLinear,
  quantizeSign,
} from '../reference/quant.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

interface Case {
  readonly shape: readonly number[];
  readonly bits: number;
  readonly signed: boolean;
  readonly scheme: 'symmetric' | 'asymmetric';
  readonly granularity: Granularity;
  readonly rounding: 'nearest-even' | 'floor';
  readonly layout: CodeLayout;
}

const plain: Case = {
  shape: [],
  bits: 8,
  signed: true,
  scheme: 'symmetric',
  granularity: perTensor(),
  rounding: 'nearest-even',
  layout: 'flat',
};

/** The parameter index of each element, by the reference's own definition. */
function indicesOf(granularity: Granularity, shape: readonly number[]) {
  if (granularity.kind === 'tensor') return parameterIndices(shape);
  const axis = granularity.axis < 0 ? granularity.axis + shape.length : granularity.axis;
  return parameterIndices(shape, axis, granularity.kind === 'group' ? granularity.size : undefined);
}

interface Expected {
  readonly scales: Float32Array;
  readonly zeroPoints: Int32Array;
  readonly codes: Int32Array;
  readonly floats: Float32Array;
}

function expectedOf(values: Float32Array, options: Case): Expected {
  const { indices, parameterCount } = indicesOf(options.granularity, options.shape);
  const { bits, signed, scheme, rounding } = options;
  if (bits === 1 && scheme === 'symmetric') {
    const { codes, scales } = quantizeSign(values, indices, parameterCount);
    const floats = dequantizeLinear(codes, { scales, indices });
    const stored = signed ? codes : codes.map((code) => (code + 1) / 2);
    return { scales, zeroPoints: new Int32Array(parameterCount), codes: stored, floats };
  }
  const choose = scheme === 'symmetric' ? chooseSymmetric : chooseAsymmetric;
  const parameters: ChosenParameters = choose(values, { bits, signed }, indices, parameterCount);
  const codes = quantizeLinear(values, parameters, rounding);
  return { ...parameters, codes, floats: dequantizeLinear(codes, parameters) };
}

async function check(options: Case, values: Float32Array): Promise<void> {
  const engine = await open();
  const expected = expectedOf(values, options);
  using x = engine.tensor(values, options.shape);
  using quantized = quantize(engine, x, options);
  using floats = dequantize(engine, quantized);
  expect(await quantized.scales.read()).toEqual(expected.scales);
  expect(await quantized.zeroPoints.read()).toEqual(expected.zeroPoints);
  expect(Int32Array.from(await quantized.read())).toEqual(expected.codes);
  expect(await floats.read()).toEqual(expected.floats);
}

const layouts: CodeLayout[] = ['flat', 'rows', 'columns'];
const bitWidths = [8, 7, 6, 5, 4, 3, 2, 1];

describe('quantize', () => {
  describe.each(bitWidths)('%i bits', (bits) => {
    it.each(layouts)('layout %s, small shapes', async (layout) => {
      const lengths = [1, 2, 3, 5, 8, 33];
      for (const rows of lengths) {
        for (const columns of [1, 4, 7]) {
          const scheme = (rows + columns) % 2 === 0 ? 'symmetric' : 'asymmetric';
          const signed = (rows * columns) % 3 !== 0;
          const values = createRandom(rows * 100 + columns + bits).normalArray(rows * columns, 0.3);
          await check({ ...plain, shape: [rows, columns], bits, layout, scheme, signed }, values);
        }
      }
    });
  });

  it('any shape, bits, scheme, granularity, rounding and layout', async () => {
    const cases = fc.array(fc.integer({ min: 1, max: 11 }), { minLength: 2, maxLength: 4 }).chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        bits: fc.integer({ min: 1, max: 8 }),
        signed: fc.boolean(),
        scheme: fc.constantFrom('symmetric' as const, 'asymmetric' as const),
        granularity: fc
          .tuple(fc.integer({ min: -shape.length, max: shape.length - 1 }), fc.integer({ min: 1, max: 12 }))
          .chain(([axis, size]) => fc.constantFrom(perTensor(), perChannel(axis), perGroup(axis, size))),
        rounding: fc.constantFrom('nearest-even' as const, 'floor' as const),
        layout: fc.constantFrom(...layouts),
      }),
    );
    await fc.assert(
      fc.asyncProperty(cases, fc.integer(), fc.boolean(), async (options, seed, wild) => {
        const random = createRandom(seed);
        const count = options.shape.reduce((product, length) => product * length, 1);
        await check(options, wild ? random.floatBitsArray(count, true) : random.normalArray(count));
      }),
      { numRuns: 60 },
    );
  });
});
