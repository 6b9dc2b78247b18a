import { declareKernel } from '../gpu/kernel.ts';
import { type FloatKernel, floatProductBindings, floatProductUniforms } from './floatProduct.ts';

const kernel = declareKernel({
  name: 'gemm/floatRegister',
  uniforms: floatProductUniforms,
  bindings: floatProductBindings,
});

/** The f32 product for adapters that run shaders on the CPU. */
export const floatRegister: FloatKernel = { kernel, variant: {}, tileRows: 64, tileColumns: 64 };
