import { elementCount } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import type { Window } from './geometry.ts';
import { integerDepthwise } from './integerDepthwise.ts';
import type { IntegerConvolutionKernel, ResultVariant } from './integerKernels.ts';
import { integerRegister } from './integerRegister.ts';
import { integerTiled } from './integerTiled.ts';
import type { WeightLayout } from './integerWeights.ts';
import type { ConvolutionSize } from './select.ts';

/** Which kernel an integer convolution gets, and why. */
export interface IntegerKernelChoice {
  readonly kernel: 'register' | 'tiled' | 'depthwise';
  /** Of the tiled kernel: channels of a tile, and pixels of an invocation. */
  readonly channels: 16 | 64;
  readonly edge: 2 | 4;
  /** Of the register kernel: every tap of every pixel lies in the input. */
  readonly whole: boolean;
  /** Of the depthwise kernel: stride and dilation are 1 along the width. */
  readonly rolling: boolean;
  readonly reason: string;
}

/** Workgroups that fill a large GPU about twice. */
const enoughWorkgroups = 256;

/** The kernel for an integer convolution of so packed weights. */
export function chooseIntegerConvolution(
  engine: Engine,
  { batchCount, pixels, window, whole }: ConvolutionSize,
  { depthwise, groups, outputChannels }: Pick<WeightLayout, 'depthwise' | 'groups' | 'outputChannels'>,
): IntegerKernelChoice {
  const rolling = (window.strides.at(-1) ?? 1) === 1 && (window.dilations.at(-1) ?? 1) === 1;
  const common = { rolling, whole, channels: 64, edge: 2 } as const;
  if (depthwise) {
    return {
      ...common,
      kernel: 'depthwise',
      reason: rolling
        ? 'one channel a group; neighbours along the row share what they read'
        : 'one channel a group; a stride or dilation along the row',
    };
  }
  if (engine.info.software) {
    return {
      ...common,
      kernel: 'register',
      reason: `shaders run on the CPU: no workgroup memory, no dot4I8Packed${whole ? '; no padding to check' : ''}`,
    };
  }
  if (outputChannels <= 32) {
    return { ...common, kernel: 'tiled', channels: 16, reason: 'few channels: tiles of 16 channels and 128 pixels' };
  }
  const tiles = Math.ceil(outputChannels / 64) * Math.ceil(pixels / 64) * groups * batchCount;
  return tiles >= enoughWorkgroups
    ? { ...common, kernel: 'tiled', edge: 4, reason: 'tiles of 64, of which there are enough to fill a GPU' }
    : { ...common, kernel: 'tiled', reason: 'few pixels: tiles of 64 channels and 32 pixels' };
}

/** What a kernel is compiled for beside the choice. */
export interface IntegerKernelUse extends ResultVariant {
  readonly layout: Pick<WeightLayout, 'depthWords' | 'passes'>;
  readonly window: Pick<Window, 'kernel'>;
}

/** The kernel and variant that a choice stands for. */
export function integerConvolutionKernelOf(
  engine: Engine,
  choice: Omit<IntegerKernelChoice, 'reason'>,
  { layout: { depthWords, passes }, window, codes, lookup }: IntegerKernelUse,
): IntegerConvolutionKernel {
  const { kernel, channels, edge, rolling, whole } = choice;
  if (kernel === 'depthwise') return integerDepthwise({ rolling, width: window.kernel.at(-1) ?? 1, codes, lookup });
  if (kernel === 'tiled') return integerTiled({ channels, edge, packed: engine.dotPath === 'packed', lookup });
  return integerRegister({ whole, depth: elementCount(window.kernel) * depthWords * 4, passes, codes, lookup });
}
