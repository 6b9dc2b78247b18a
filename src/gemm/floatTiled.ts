import { declareKernel } from '../gpu/kernel.ts';
import { type FloatKernel, floatProductBindings, floatProductUniforms } from './floatProduct.ts';

const kernel = declareKernel({
  name: 'gemm/floatTiled',
  uniforms: floatProductUniforms,
  bindings: floatProductBindings,
});

/** The f32 product for GPUs, with 16 · `edge` results along a side of a workgroup's tile. */
export function floatTiled(edge: 2 | 4 | 8): FloatKernel {
  return { kernel, variant: { constants: { EDGE: edge } }, tileRows: 16 * edge, tileColumns: 16 * edge };
}
