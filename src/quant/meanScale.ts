import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { windowsOf } from '../gpu/windows.ts';
import type { ParameterMap } from './granularity.ts';
import type { QuantizationParameters } from './parameters.ts';
import type { Ranges } from './range.ts';
import { planReduction, reductionFields } from './reduction.ts';

const sumKernel = declareKernel({
  name: 'quant/absoluteSum',
  uniforms: reductionFields,
  bindings: { x: 'read', minimum: 'read', maximum: 'read', sums: 'write' },
});

const meanKernel = declareKernel({
  name: 'quant/meanScale',
  uniforms: reductionFields,
  bindings: { minimum: 'read', maximum: 'read', sums: 'read', scales: 'write', zeroPoints: 'write' },
});

/**
 * Records the parameters of one symmetric bit: s = mean|x|, z = 0. The mean is the same to the bit on every adapter:
 * magnitudes are rounded to 2⁻⁷ units in the last place of the parameter's greatest and summed as integers.
 */
export function recordMeanScales(
  engine: Engine,
  x: Tensor<'float32'>,
  map: ParameterMap,
  { minimum, maximum }: Ranges,
): QuantizationParameters {
  const scales = engine.empty(map.shape, 'float32');
  const zeroPoints = engine.empty(map.shape, 'int32');
  const sums = engine.allocate(map.count * 8);
  engine.clear(sums);
  const { lanes, nested, parts } = planReduction(engine, map, windowsOf(engine, x.allocation, x.size));
  const variant = { conditions: { nested }, constants: { LANES: lanes } };
  for (const { uniforms, window, workgroups, work } of parts) {
    const bindings = { x: window.view, minimum, maximum, sums };
    engine.run(sumKernel, { uniforms, bindings, workgroups, work: work * 3, variant });
  }
  const [first] = parts;
  if (first) {
    engine.run(meanKernel, {
      uniforms: first.uniforms,
      bindings: { minimum, maximum, sums, scales, zeroPoints },
      workgroups: Math.ceil(map.count / 64),
      work: map.count * 1000,
    });
  }
  sums.release();
  return { scales, zeroPoints };
}
