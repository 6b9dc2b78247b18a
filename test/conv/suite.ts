import { describe, expect, it } from 'vitest';
import { identityCurve } from '../../src/base/curve.ts';
import { elementCount } from '../../src/base/shape.ts';
import { convolve } from '../../src/conv/convolve.ts';
import type { KernelChoice } from '../../src/conv/select.ts';
import { convolution } from '../reference/conv.ts';
import { curveMagnitude, curves, curveValue } from '../reference/curve.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { type ConvolutionCase, outputLengthsOf, windowOf } from './cases.ts';

/** What every kernel of the float32 convolution must do. */
export function convolutionSuite(
  name: string,
  cases: readonly (readonly [string, ConvolutionCase])[],
  choice: Omit<KernelChoice, 'reason'>,
): void {
  describe(name, () => {
    const open = useEngine();

    it.each(cases)('is within rounding of float64 for %s', async (_, convolutionCase) => {
      const engine = await open();
      const { batchCount, groups, inputChannels, outputChannels, input, kernel } = convolutionCase;
      const window = windowOf(convolutionCase);
      const { transposed } = choice;
      const outputLengths = outputLengthsOf(convolutionCase, transposed);
      const random = createRandom(inputChannels + 64 * outputChannels + 4096 * kernel.length);
      const xShape = [batchCount, groups * inputChannels, ...input];
      const weightShape = transposed
        ? [groups * inputChannels, outputChannels, ...kernel]
        : [groups * outputChannels, inputChannels, ...kernel];
      const xs = random.normalArray(elementCount(xShape));
      const ws = random.normalArray(elementCount(weightShape));
      const biases = random.normalArray(groups * outputChannels);
      using x = engine.tensor(xs, xShape);
      using weights = engine.tensor(ws, weightShape);
      using bias = engine.tensor(biases, [biases.length]);
      const options = { window, groups, transposed, outputLengths, kernel: choice };
      using withBias = convolve(engine, x, weights, { ...options, bias });
      using without = convolve(engine, x, weights, options);
      // With bounds the pipeline is the same.
      const [, curve = identityCurve] = curves;
      using curved = convolve(engine, x, weights, { ...options, bias, curve });
      const { sums, magnitudes } = convolution({ shape: xShape, data: xs }, { shape: weightShape, data: ws }, options);
      const plane = elementCount(outputLengths);
      // One rounding a product and one an addition, each within 2^-24 of the sum of magnitudes.
      const roundings = (inputChannels * elementCount(kernel) + 2) * 2 ** -24;
      const [got, gotWithBias, gotCurved] = [await without.read(), await withBias.read(), await curved.read()];
      expect(got).toHaveLength(sums.length);
      for (const [index, sum] of sums.entries()) {
        const added = biases[Math.floor(index / plane) % biases.length] ?? 0;
        const magnitude = magnitudes[index] ?? 0;
        expect(Math.abs((got[index] ?? Number.NaN) - sum)).toBeLessThanOrEqual(roundings * magnitude);
        expect(Math.abs((gotWithBias[index] ?? Number.NaN) - sum - added)).toBeLessThanOrEqual(
          roundings * (magnitude + Math.abs(added)),
        );
        const result = gotWithBias[index] ?? Number.NaN;
        expect(Math.abs((gotCurved[index] ?? Number.NaN) - curveValue(curve, result))).toBeLessThanOrEqual(
          1e-6 * curveMagnitude(curve, result),
        );
      }
    });
  });
}
