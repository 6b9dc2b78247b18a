import { declareKernel } from '../gpu/kernel.ts';
import { type ConvolutionKernel, convolutionBindings, convolutionUniforms } from './kernels.ts';

const kernel = declareKernel({
  name: 'conv/register',
  uniforms: convolutionUniforms,
  bindings: convolutionBindings,
});

/** The float32 convolution for adapters that run shaders on the CPU. `whole`: every tap of every pixel lies in the input. */
export function register(transposed: boolean, whole: boolean): ConvolutionKernel {
  return {
    kernel,
    variant: { conditions: { transposed, whole } },
    arranged: true,
    tileChannels: 8,
    tilePixels: 8,
    tilesRows: false,
    tilesPerWorkgroup: 64,
  };
}
