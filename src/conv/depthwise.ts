import { declareKernel } from '../gpu/kernel.ts';
import { type ConvolutionKernel, convolutionBindings, convolutionUniforms } from './kernels.ts';

const kernel = declareKernel({ name: 'conv/depthwise', uniforms: convolutionUniforms, bindings: convolutionBindings });

/** The float32 convolution with one input channel a group. `rolling`: stride and dilation are 1 along the width. */
export function depthwise(rolling: boolean): ConvolutionKernel {
  return {
    kernel,
    variant: { conditions: { rolling } },
    arranged: false,
    tileChannels: 1,
    tilePixels: 8,
    tilesRows: true,
    tilesPerWorkgroup: 64,
  };
}
