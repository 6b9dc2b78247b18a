import { elementCount } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';

const kernel = declareKernel({
  name: 'conv/arrange',
  uniforms: {
    count: 'u32',
    taps: 'u32',
    inputChannels: 'u32',
    outputChannels: 'u32',
    paddedChannels: 'u32',
    groupStride: 'u32',
    inputStride: 'u32',
    outputStride: 'u32',
  },
  bindings: { source: 'read', goal: 'write' },
});

/**
 * Lays the weights of a convolution as most of its kernels read them: [groups, taps, input channels of a group, output
 * channels of a group padded to a multiple of 8].
 *
 * @param weights [output channels, input channels of a group, …kernel], or where `transposed`
 * [input channels, output channels of a group, …kernel]
 */
export function arrangeWeights(
  engine: Engine,
  weights: Tensor<'float32'>,
  { groups, transposed }: { readonly groups: number; readonly transposed: boolean },
): Tensor<'float32'> {
  const [first = 0, second = 0, ...window] = weights.shape;
  const taps = elementCount(window);
  const firstOfGroup = first / groups;
  const [inputChannels, outputChannels] = transposed ? [firstOfGroup, second] : [second, firstOfGroup];
  const paddedChannels = Math.ceil(outputChannels / 8) * 8;
  const goal = engine.empty([groups, taps, inputChannels, paddedChannels], 'float32');
  engine.run(kernel, {
    uniforms: {
      count: goal.size,
      taps,
      inputChannels,
      outputChannels,
      paddedChannels,
      groupStride: firstOfGroup * second * taps,
      inputStride: transposed ? second * taps : taps,
      outputStride: transposed ? taps : second * taps,
    },
    bindings: { source: weights, goal },
    workgroups: Math.ceil(goal.size / 64),
    work: goal.size * 20,
  });
  return goal;
}
