import type { Tensor } from '../../gpu/tensor.ts';
import type { NodeContext } from '../../graph/operator.ts';

/** The tensors of a node's outputs, of which those are disposed that the node leaves out: nobody else would. */
export function namedOutputs({ node }: NodeContext, tensors: readonly Tensor[]): readonly Tensor[] {
  tensors.forEach((tensor, index) => {
    if (!node.outputs[index]) tensor.dispose();
  });
  return tensors;
}
