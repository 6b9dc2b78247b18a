import { declareKernel } from '../gpu/kernel.ts';
import {
  type IntegerConvolutionKernel,
  integerConvolutionBindings,
  integerConvolutionUniforms,
  type ResultVariant,
} from './integerKernels.ts';

const kernel = declareKernel({
  name: 'conv/integerRegister',
  uniforms: integerConvolutionUniforms,
  bindings: integerConvolutionBindings,
});

/** Products whose sum f32 holds exactly. */
const exactProducts = 1024;

/** How the register kernel is compiled. */
interface RegisterVariant extends ResultVariant {
  /** Every tap of every pixel lies in the input. */
  readonly whole: boolean;
  /** Products of one result, padding of the words included, and how often it takes a pass over them. */
  readonly depth: number;
  readonly passes: number;
}

/** The integer convolution for adapters that run shaders on the CPU. */
export function integerRegister({ whole, depth, passes, codes, lookup }: RegisterVariant): IntegerConvolutionKernel {
  const shallow = codes && depth <= exactProducts && passes === 1;
  return {
    kernel,
    variant: { conditions: { codes, lookup, shallow, whole: shallow && whole } },
    depthwise: false,
    tileChannels: 8,
    tilePixels: 16,
    tilesPerWorkgroup: 64,
  };
}
