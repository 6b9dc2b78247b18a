import { ShapeMismatch } from '../base/errors.ts';
import type { Shape } from '../base/shape.ts';

/** How a window moves over the spatial axes of a tensor [batch, channels, …spatial]; one entry a spatial axis. */
export interface Window {
  /** Lengths of the window, at least 1. */
  readonly kernel: Shape;
  /** Steps from one place to the next, at least 1. */
  readonly strides: Shape;
  /** Distance of neighbours within the window, at least 1. */
  readonly dilations: Shape;
  /** Places before the first element that the window covers; negative where elements are cut off. */
  readonly padsBefore: readonly number[];
}

/** The three spatial axes that kernels see. */
export interface Axes {
  readonly depth: number;
  readonly height: number;
  readonly width: number;
}

/** Spatial axes at most. */
export const maximumSpatialAxes = 3;

/** Up to three spatial axes as depth, height and width; missing ones are filled in front. */
export function axesOf(lengths: readonly number[], fill: number): Axes {
  if (lengths.length > maximumSpatialAxes) {
    throw new ShapeMismatch(
      `A window over ${lengths.length} spatial axes was asked for; there may be ${maximumSpatialAxes} at most. Merge axes, or take slices.`,
    );
  }
  const [width = fill, height = fill, depth = fill] = [...lengths].reverse();
  return { depth, height, width };
}

/** The window as the uniforms of a kernel. */
export function windowUniforms({ kernel, strides, dilations, padsBefore }: Window) {
  const size = axesOf(kernel, 1);
  const stride = axesOf(strides, 1);
  const dilation = axesOf(dilations, 1);
  const pad = axesOf(padsBefore, 0);
  return {
    kernelDepth: size.depth,
    kernelHeight: size.height,
    kernelWidth: size.width,
    strideDepth: stride.depth,
    strideHeight: stride.height,
    strideWidth: stride.width,
    dilationDepth: dilation.depth,
    dilationHeight: dilation.height,
    dilationWidth: dilation.width,
    padDepth: pad.depth,
    padHeight: pad.height,
    padWidth: pad.width,
  };
}

/** The fields of `windowUniforms`, in the order of the WGSL structs. */
export const windowFields = {
  kernelDepth: 'u32',
  kernelHeight: 'u32',
  kernelWidth: 'u32',
  strideDepth: 'u32',
  strideHeight: 'u32',
  strideWidth: 'u32',
  dilationDepth: 'u32',
  dilationHeight: 'u32',
  dilationWidth: 'u32',
  padDepth: 'i32',
  padHeight: 'i32',
  padWidth: 'i32',
} as const;
