import { declareKernel } from '../gpu/kernel.ts';
import { type IntegerKernel, integerProductBindings, integerProductUniforms } from './integerProduct.ts';

const kernel = declareKernel({
  name: 'gemm/integerMatvec',
  uniforms: integerProductUniforms,
  bindings: integerProductBindings,
});

/** The integer product for few rows, with so many invocations sharing a column. */
export function integerMatvec(lanes: 1 | 16, packed: boolean): IntegerKernel {
  const variant = { conditions: { packed, cooperative: lanes > 1 }, constants: { LANES: lanes } };
  return { kernel, variant, tileRows: 8, tileColumns: 64 / lanes };
}
