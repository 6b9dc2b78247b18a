import { declareKernel } from '../gpu/kernel.ts';
import {
  type IntegerConvolutionKernel,
  integerConvolutionBindings,
  integerConvolutionUniforms,
  type ResultVariant,
} from './integerKernels.ts';

const kernel = declareKernel({
  name: 'conv/integerTiled',
  uniforms: integerConvolutionUniforms,
  bindings: integerConvolutionBindings,
});

/** How the tiled kernel is compiled. */
interface TiledVariant extends Pick<ResultVariant, 'lookup'> {
  readonly channels: 16 | 64;
  readonly edge: 2 | 4;
  /** With dot4I8Packed. */
  readonly packed: boolean;
}

/** The integer convolution for GPUs: tiles of 64 or 16 channels, with 2 or 4 pixels an invocation. */
export function integerTiled({ channels, edge, packed, lookup }: TiledVariant): IntegerConvolutionKernel {
  const lanes = channels / 4;
  return {
    kernel,
    variant: { conditions: { packed, lookup }, constants: { CHANNEL_LANES: lanes, EDGE: edge } },
    depthwise: false,
    tileChannels: channels,
    tilePixels: (256 / lanes) * edge,
    tilesPerWorkgroup: 1,
  };
}
