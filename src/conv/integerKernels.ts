import type { Kernel, Variant } from '../gpu/kernel.ts';
import { windowFields } from './geometry.ts';

/** The uniforms that all integer convolutions have: `shaders/shared/integerConvolution.wgsl`. */
export const integerConvolutionUniforms = {
  tileStart: 'u32',
  tileEnd: 'u32',
  pixelTiles: 'u32',
  channelTiles: 'u32',
  groups: 'u32',
  inputWords: 'u32',
  groupWords: 'u32',
  depthWords: 'u32',
  outputChannels: 'u32',
  weightChannels: 'u32',
  passes: 'u32',
  inputDepth: 'u32',
  inputHeight: 'u32',
  inputWidth: 'u32',
  outputDepth: 'u32',
  outputHeight: 'u32',
  outputWidth: 'u32',
  ...windowFields,
  flip: 'u32',
  result: 'u32',
  resultWords: 'u32',
  lowest: 'i32',
  highest: 'i32',
  lower: 'f32',
  upper: 'f32',
} as const;

export const integerConvolutionBindings = {
  x: 'read',
  weights: 'read',
  terms: 'read',
  table: 'read',
  y: 'write',
} as const;

/** What results the kernels are compiled for. */
export interface ResultVariant {
  /** They are codes. */
  readonly codes: boolean;
  /** These are replaced by entries of a table. */
  readonly lookup: boolean;
}

/** A kernel of an integer convolution and what one of its tiles is. */
export interface IntegerConvolutionKernel {
  readonly kernel: Kernel<typeof integerConvolutionUniforms, typeof integerConvolutionBindings>;
  readonly variant: Variant;
  /** True for weights in the depthwise layout: a tile is then a word of channels, and its pixels are of one row. */
  readonly depthwise: boolean;
  readonly tileChannels: number;
  readonly tilePixels: number;
  readonly tilesPerWorkgroup: number;
}
