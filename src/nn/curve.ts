import { type Curve, curveConditions, curveFields, curveUniforms } from '../base/curve.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { workRuns } from '../gpu/windows.ts';

const kernel = declareKernel({
  name: 'nn/curve',
  uniforms: { first: 'u32', end: 'u32', ...curveFields },
  bindings: { x: 'read', y: 'write' },
});

/** Operations for four elements, about. */
const workPerVector = 80;

/** Applies a curve to each element. @throws DisposedTensor, LimitExceeded for a tensor beyond the adapter's bindings */
export function applyCurve(engine: Engine, x: Tensor<'float32'>, curve: Curve): Tensor<'float32'> {
  const y = engine.empty(x.shape, 'float32');
  for (const { first, end, work } of workRuns(engine, Math.ceil(x.size / 4), workPerVector, 64)) {
    engine.run(kernel, {
      uniforms: { first, end, ...curveUniforms(curve) },
      bindings: { x, y },
      workgroups: Math.ceil((end - first) / 64),
      work,
      variant: { conditions: curveConditions(curve) },
    });
  }
  return y;
}
