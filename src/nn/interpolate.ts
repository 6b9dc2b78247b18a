import { splitAtAxis } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import type { AxisTaps } from './resampling.ts';

const interpolateKernel = declareKernel({
  name: 'nn/interpolate',
  uniforms: { count: 'u32', length: 'u32', goalLength: 'u32', inner: 'u32', taps: 'u32', outside: 'f32' },
  bindings: { source: 'read', indices: 'read', weights: 'read', goal: 'write' },
});

/**
 * A tensor with one axis resampled.
 * @param outside stands where the taps say that an element lies outside of the source.
 */
export function interpolate(
  engine: Engine,
  source: Tensor<'float32'>,
  axis: number,
  taps: AxisTaps,
  outside = 0,
): Tensor<'float32'> {
  const { length, inner } = splitAtAxis(source.shape, axis);
  const goalLength = taps.indices.length / taps.count;
  const goal = engine.empty(source.shape.with(axis, goalLength), 'float32');
  using indices = engine.tensor(taps.indices, [goalLength, taps.count]);
  using weights = engine.tensor(taps.weights, [goalLength, taps.count]);
  engine.run(interpolateKernel, {
    uniforms: { count: goal.size, length, goalLength, inner, taps: taps.count, outside },
    bindings: { source, indices, weights, goal },
    workgroups: Math.ceil(goal.size / 64),
    work: goal.size * (30 + 10 * taps.count),
  });
  return goal;
}
