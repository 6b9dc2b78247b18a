import type { Window } from '../../src/conv/geometry.ts';

/** A convolution to try. */
export interface ConvolutionCase {
  readonly batchCount: number;
  readonly groups: number;
  /** Of one group. */
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly input: readonly number[];
  readonly kernel: readonly number[];
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  readonly padsBefore?: readonly number[];
  readonly padsAfter?: readonly number[];
}

/** Around the tiles of every kernel (8, 32 and 64), with one to three spatial axes. */
export const convolutionCases: readonly (readonly [string, ConvolutionCase])[] = [
  ['1 × 1', { batchCount: 2, groups: 1, inputChannels: 17, outputChannels: 65, input: [5, 7], kernel: [1, 1] }],
  ['one pixel', { batchCount: 1, groups: 1, inputChannels: 9, outputChannels: 7, input: [1, 1], kernel: [1, 1] }],
  [
    'strides and dilations without padding',
    {
      batchCount: 2,
      groups: 2,
      inputChannels: 3,
      outputChannels: 9,
      input: [9, 13],
      kernel: [3, 2],
      strides: [2, 3],
      dilations: [1, 2],
      padsAfter: [-1, 0],
    },
  ],
  [
    'one axis, strided, dilated, asymmetric padding',
    {
      batchCount: 2,
      groups: 1,
      inputChannels: 3,
      outputChannels: 9,
      input: [67],
      kernel: [3],
      strides: [2],
      dilations: [3],
      padsBefore: [4],
      padsAfter: [1],
    },
  ],
  [
    '3 × 3 with padding',
    {
      batchCount: 1,
      groups: 1,
      inputChannels: 3,
      outputChannels: 8,
      input: [9, 8],
      kernel: [3, 3],
      padsBefore: [1, 1],
      padsAfter: [1, 1],
    },
  ],
  [
    'groups, negative padding',
    {
      batchCount: 2,
      groups: 3,
      inputChannels: 2,
      outputChannels: 5,
      input: [11, 6],
      kernel: [2, 3],
      strides: [1, 2],
      padsBefore: [-1, 2],
      padsAfter: [1, -1],
    },
  ],
  [
    'three axes',
    {
      batchCount: 1,
      groups: 2,
      inputChannels: 3,
      outputChannels: 4,
      input: [4, 5, 6],
      kernel: [2, 3, 2],
      strides: [2, 1, 3],
      dilations: [1, 2, 1],
      padsBefore: [1, 2, 0],
      padsAfter: [0, 1, 2],
    },
  ],
  [
    'a channel a group',
    {
      batchCount: 2,
      groups: 5,
      inputChannels: 1,
      outputChannels: 1,
      input: [7, 19],
      kernel: [5, 5],
      padsBefore: [2, 2],
      padsAfter: [2, 2],
    },
  ],
  [
    'a channel a group, two results each, strided',
    {
      batchCount: 1,
      groups: 3,
      inputChannels: 1,
      outputChannels: 2,
      input: [3, 9, 18],
      kernel: [1, 3, 4],
      strides: [1, 2, 2],
      dilations: [1, 1, 2],
      padsBefore: [0, 1, 3],
      padsAfter: [0, 1, 3],
    },
  ],
];

/** The window of a case. */
export function windowOf({ kernel, strides, dilations, padsBefore }: ConvolutionCase): Window {
  const filled = (value: number): number[] => kernel.map(() => value);
  return {
    kernel,
    strides: strides ?? filled(1),
    dilations: dilations ?? filled(1),
    padsBefore: padsBefore ?? filled(0),
  };
}

/** Spatial lengths of the result. */
export function outputLengthsOf(convolution: ConvolutionCase, transposed: boolean): number[] {
  const window = windowOf(convolution);
  return convolution.input.map((length, axis) => {
    const span = ((window.kernel[axis] ?? 1) - 1) * (window.dilations[axis] ?? 1) + 1;
    const stride = window.strides[axis] ?? 1;
    const pads = (window.padsBefore[axis] ?? 0) + (convolution.padsAfter?.[axis] ?? 0);
    // A transposed one may be longer than what the window reaches.
    return transposed ? (length - 1) * stride + span - pads + 1 : Math.floor((length + pads - span) / stride) + 1;
  });
}
