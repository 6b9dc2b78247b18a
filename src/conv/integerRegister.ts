import { declareKernel } from '../gpu/kernel.ts';
import {
  type IntegerConvolutionKernel,
  integerConvolutionBindings,
  integerConvolutionUniforms,
} from './integerKernels.ts';

const kernel = declareKernel({
  name: 'conv/integerRegister',
  uniforms: integerConvolutionUniforms,
  bindings: integerConvolutionBindings,
});

/** The integer convolution for adapters that run shaders on the CPU. `whole`: every tap of every pixel lies in the input. */
export function integerRegister(whole: boolean): IntegerConvolutionKernel {
  return {
    kernel,
    variant: { conditions: { whole } },
    depthwise: false,
    tileChannels: 8,
    tilePixels: 16,
    tilesPerWorkgroup: 64,
  };
}
