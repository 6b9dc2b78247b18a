import { declareKernel } from '../gpu/kernel.ts';
import { type IntegerKernel, integerProductBindings, integerProductUniforms } from './integerProduct.ts';

const kernel = declareKernel({
  name: 'gemm/integerRegister',
  uniforms: integerProductUniforms,
  bindings: integerProductBindings,
});

/** The integer product for adapters that run shaders on the CPU. */
export const integerRegister: IntegerKernel = { kernel, variant: {}, tileRows: 64, tileColumns: 64 };
