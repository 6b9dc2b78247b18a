import { declareKernel } from '../gpu/kernel.ts';
import {
  type IntegerConvolutionKernel,
  integerConvolutionBindings,
  integerConvolutionUniforms,
} from './integerKernels.ts';

const kernel = declareKernel({
  name: 'conv/integerTiled',
  uniforms: integerConvolutionUniforms,
  bindings: integerConvolutionBindings,
});

/** The integer convolution for GPUs: tiles of 64 or 16 channels, with 2 or 4 pixels an invocation. */
export function integerTiled(channels: 16 | 64, edge: 2 | 4, packed: boolean): IntegerConvolutionKernel {
  const lanes = channels / 4;
  return {
    kernel,
    variant: { conditions: { packed }, constants: { CHANNEL_LANES: lanes, EDGE: edge } },
    depthwise: false,
    tileChannels: channels,
    tilePixels: (256 / lanes) * edge,
    tilesPerWorkgroup: 1,
  };
}
