import type { Engine } from '../gpu/engine.ts';
import { depthwise } from './depthwise.ts';
import type { Window } from './geometry.ts';
import type { ConvolutionKernel } from './kernels.ts';
import { register } from './register.ts';
import { tiled } from './tiled.ts';

/** What the choice depends on. */
export interface ConvolutionSize {
  readonly batchCount: number;
  readonly groups: number;
  /** Of one group. */
  readonly inputChannels: number;
  readonly outputChannels: number;
  /** Of one output channel. */
  readonly pixels: number;
  readonly window: Window;
  readonly transposed: boolean;
  /** True where no window reaches beyond the input. */
  readonly whole: boolean;
}

/** Which kernel a convolution gets, and why. */
export interface KernelChoice {
  readonly kernel: 'register' | 'tiled' | 'depthwise';
  readonly transposed: boolean;
  /** Of the tiled kernel: results along one side of an invocation's square; a tile has 16 times as many. */
  readonly edge: 2 | 4;
  /** Of the register kernel: see there. */
  readonly whole: boolean;
  /** Of the depthwise kernel: see there. */
  readonly rolling: boolean | 3 | 5;
  readonly reason: string;
}

/** Workgroups that fill a large GPU about twice. */
const enoughWorkgroups = 256;

/** The kernel for a float32 convolution. */
export function chooseConvolution(engine: Engine, size: ConvolutionSize): KernelChoice {
  const { batchCount, groups, inputChannels, outputChannels, pixels, window, transposed, whole } = size;
  const taps = window.kernel.at(-1);
  const rolls = (window.strides.at(-1) ?? 1) === 1 && (window.dilations.at(-1) ?? 1) === 1;
  const rolling = rolls && (taps === 3 || taps === 5) ? taps : rolls;
  const common = { transposed, rolling, whole, edge: 4 } as const;
  if (inputChannels === 1 && !transposed) {
    return {
      ...common,
      kernel: 'depthwise',
      reason: rolling
        ? 'one input channel a group; the row moves through registers'
        : 'one input channel a group; a stride or dilation along the row',
    };
  }
  if (engine.info.software) {
    return {
      ...common,
      kernel: 'register',
      reason: `shaders run on the CPU: no workgroup memory${whole ? '; no padding to check' : ''}`,
    };
  }
  const tiles = Math.ceil(outputChannels / 64) * Math.ceil(pixels / 64) * groups * batchCount;
  if (outputChannels > 32 && tiles >= enoughWorkgroups) {
    return { ...common, kernel: 'tiled', reason: 'tiles of 64, of which there are enough to fill a GPU' };
  }
  return { ...common, kernel: 'tiled', edge: 2, reason: 'few channels or pixels: tiles of 32' };
}

/** The kernel and variant that a choice stands for. */
export function convolutionKernelOf(choice: Omit<KernelChoice, 'reason'>): ConvolutionKernel {
  if (choice.kernel === 'depthwise') return depthwise(choice.rolling);
  if (choice.kernel === 'register') return register(choice.transposed, choice.whole);
  return tiled(choice.transposed, choice.edge);
}
