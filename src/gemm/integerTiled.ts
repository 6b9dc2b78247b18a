import { declareKernel } from '../gpu/kernel.ts';
import { type IntegerKernel, integerProductBindings, integerProductUniforms } from './integerProduct.ts';

const kernel = declareKernel({
  name: 'gemm/integerTiled',
  uniforms: integerProductUniforms,
  bindings: integerProductBindings,
});

/** The integer product for GPUs, with 16 · `edge` results along a side of a workgroup's tile. */
export function integerTiled(edge: 2 | 4 | 8, packed: boolean): IntegerKernel {
  const variant = { conditions: { packed }, constants: { EDGE: edge } };
  return { kernel, variant, tileRows: 16 * edge, tileColumns: 16 * edge };
}
