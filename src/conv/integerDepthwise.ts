import { declareKernel } from '../gpu/kernel.ts';
import {
  type IntegerConvolutionKernel,
  integerConvolutionBindings,
  integerConvolutionUniforms,
} from './integerKernels.ts';

const kernel = declareKernel({
  name: 'conv/integerDepthwise',
  uniforms: integerConvolutionUniforms,
  bindings: integerConvolutionBindings,
});

/** Taps whose sums f32 holds exactly. */
export const maximumDepthwiseTaps = 258;

/** The integer convolution with one channel a group. `rolling`: stride and dilation are 1 along the width. */
export function integerDepthwise(rolling: boolean): IntegerConvolutionKernel {
  return {
    kernel,
    variant: { conditions: { rolling } },
    depthwise: true,
    tileChannels: 4,
    tilePixels: 8,
    tilesPerWorkgroup: 64,
  };
}
