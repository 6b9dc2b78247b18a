import { declareKernel } from '../gpu/kernel.ts';
import { type ConvolutionKernel, convolutionBindings, convolutionUniforms } from './kernels.ts';

const kernel = declareKernel({ name: 'conv/depthwise', uniforms: convolutionUniforms, bindings: convolutionBindings });

/**
 * The float32 convolution with one input channel a group. `rolling`: stride and dilation are 1 along the width, where the
 * window has any number of taps, or 3 or 5, which are written out.
 */
export function depthwise(rolling: boolean | 3 | 5): ConvolutionKernel {
  return {
    kernel,
    variant: { conditions: { rolling: rolling !== false, three: rolling === 3, five: rolling === 5 } },
    arranged: false,
    tileChannels: 1,
    tilePixels: 8,
    tilesRows: true,
    tilesPerWorkgroup: 64,
  };
}
