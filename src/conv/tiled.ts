import { declareKernel } from '../gpu/kernel.ts';
import { type ConvolutionKernel, convolutionBindings, convolutionUniforms } from './kernels.ts';

const kernel = declareKernel({ name: 'conv/tiled', uniforms: convolutionUniforms, bindings: convolutionBindings });

/** The float32 convolution for GPUs, with 16 · `edge` channels and pixels in a tile. */
export function tiled(transposed: boolean, edge: 2 | 4): ConvolutionKernel {
  return {
    kernel,
    variant: { conditions: { transposed }, constants: { EDGE: edge } },
    arranged: true,
    tileChannels: 16 * edge,
    tilePixels: 16 * edge,
    tilesRows: false,
    tilesPerWorkgroup: 1,
  };
}
