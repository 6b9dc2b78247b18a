import { curveFields } from '../base/curve.ts';
import type { Kernel, Variant } from '../gpu/kernel.ts';
import { windowFields } from './geometry.ts';

/** The uniforms that all float32 convolutions have: `shaders/shared/convolution.wgsl`. */
export const convolutionUniforms = {
  tileStart: 'u32',
  tileEnd: 'u32',
  pixelTiles: 'u32',
  channelTiles: 'u32',
  groups: 'u32',
  inputChannels: 'u32',
  outputChannels: 'u32',
  weightChannels: 'u32',
  inputDepth: 'u32',
  inputHeight: 'u32',
  inputWidth: 'u32',
  outputDepth: 'u32',
  outputHeight: 'u32',
  outputWidth: 'u32',
  gridDepth: 'u32',
  gridHeight: 'u32',
  gridWidth: 'u32',
  ...windowFields,
  hasBias: 'u32',
  ...curveFields,
} as const;

export const convolutionBindings = { x: 'read', weights: 'read', bias: 'read', y: 'write' } as const;

/** A kernel of a float32 convolution and what one of its tiles is. */
export interface ConvolutionKernel {
  readonly kernel: Kernel<typeof convolutionUniforms, typeof convolutionBindings>;
  readonly variant: Variant;
  /** True where it reads weights as `arrangeWeights` lays them, false where as they are. */
  readonly arranged: boolean;
  /** Channels and pixels of a tile. */
  readonly tileChannels: number;
  readonly tilePixels: number;
  /** True where the pixels of a tile are of one row. */
  readonly tilesRows: boolean;
  /** Tiles that one workgroup makes. */
  readonly tilesPerWorkgroup: number;
}
