import { declareKernel } from '../gpu/kernel.ts';
import {
  type IntegerConvolutionKernel,
  integerConvolutionBindings,
  integerConvolutionUniforms,
  type ResultVariant,
} from './integerKernels.ts';

const kernel = declareKernel({
  name: 'conv/integerDepthwise',
  uniforms: integerConvolutionUniforms,
  bindings: integerConvolutionBindings,
});

/** Taps whose sums f32 holds exactly. */
export const maximumDepthwiseTaps = 258;

/** How the depthwise kernel is compiled. */
interface DepthwiseVariant extends ResultVariant {
  /** Stride and dilation are 1 along the width. */
  readonly rolling: boolean;
  /** Taps along the width. */
  readonly width: number;
}

/** The integer convolution with one channel a group. */
export function integerDepthwise({ rolling, width, codes, lookup }: DepthwiseVariant): IntegerConvolutionKernel {
  return {
    kernel,
    variant: { conditions: { codes, lookup, three: rolling && width === 3, five: rolling && width === 5 } },
    depthwise: true,
    tileChannels: 4,
    tilePixels: 8,
    tilesPerWorkgroup: 64,
  };
}
