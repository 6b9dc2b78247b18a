import { expect, test } from 'vitest';
import { hostCode, hostParameters } from '../../src/quant/hostParameters.ts';
import { quantizeLinear } from '../../src/quant/onnx.ts';
import { type CodeFormat, parametersFromRanges } from '../../src/quant/parameters.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const largest = (2 - 2 ** -23) * 2 ** 127;

const formats: readonly CodeFormat[] = [
  { bits: 8, signed: false, scheme: 'asymmetric' },
  { bits: 8, signed: true, scheme: 'asymmetric' },
  { bits: 8, signed: true, scheme: 'symmetric' },
  { bits: 4, signed: false, scheme: 'symmetric' },
  { bits: 1, signed: true, scheme: 'asymmetric' },
];

test.each(formats)(
  'parameters have the bits that the GPU gives: $bits bits, signed $signed, $scheme',
  async (format) => {
    const engine = await open();
    const random = createRandom(format.bits);
    const ends = [0, -0, 1, -1, 2 ** -149, 1e-44, largest, -largest, 127, 255];
    const pairs = Array.from({ length: 400 }, (_, index) => {
      const value = () => (random.uniform() - 0.5) * 2 ** Math.floor(random.uniform() * 60 - 30);
      return index < 100 ? [ends[index % 10] ?? 0, ends[Math.floor(index / 10)] ?? 0] : [value(), value()];
    });
    const [low, high] = [Math.min, Math.max].map((choose) =>
      Float32Array.from(pairs, ([a = 0, b = 0]) => choose(a, b)),
    );
    if (!low || !high) throw new Error('There are two ends.');
    using minimum = engine.tensor(low, [low.length]);
    using maximum = engine.tensor(high, [high.length]);
    const { scales, zeroPoints } = parametersFromRanges(engine, { minimum, maximum }, format);
    const expected = Array.from(low, (least, index) => hostParameters(least, high[index] ?? 0, format));
    expect(expected.map(({ scale }) => scale)).toEqual(Array.from(await scales.read()));
    expect(expected.map(({ zeroPoint }) => zeroPoint)).toEqual(Array.from(await zeroPoints.read()));
    scales.dispose();
    zeroPoints.dispose();
  },
);

test('codes are those that the GPU gives, on ties too', async () => {
  const engine = await open();
  const values = Float32Array.from({ length: 600 }, (_, index) => (index - 300) / 2 + (index % 3 === 0 ? 1e-5 : 0));
  using x = engine.tensor(values, [values.length]);
  using scale = engine.tensor(new Float32Array([1]), []);
  using zeroPoint = engine.tensor(new Uint8Array([128]), []);
  using codes = quantizeLinear(engine, x, scale, zeroPoint);
  const format: CodeFormat = { bits: 8, signed: false, scheme: 'asymmetric' };
  expect(Array.from(values, (value) => hostCode(value, { scale: 1, zeroPoint: 128 }, format))).toEqual(
    Array.from(await codes.read()),
  );
});
