import type { Engine } from '../gpu/engine.ts';
import type { FloatKernel } from './floatProduct.ts';
import { floatRegister } from './floatRegister.ts';
import { floatTiled } from './floatTiled.ts';
import { integerMatvec } from './integerMatvec.ts';
import type { IntegerKernel } from './integerProduct.ts';
import { integerRegister } from './integerRegister.ts';
import { integerTiled } from './integerTiled.ts';

/** Kernels of a matrix product. */
export type KernelName = 'register' | 'tiled' | 'matvec';

/** Which kernel a product gets, and why. */
export interface KernelChoice {
  readonly kernel: KernelName;
  /** Of the tiled kernel: results along one side of an invocation's square; a workgroup's has 16 times as many. */
  readonly edge: 2 | 4 | 8;
  /** Of the matvec kernel: invocations that share a column; 1 on the CPU, where a barrier is expensive, else 16. */
  readonly lanes?: 1 | 16;
  readonly reason: string;
}

/** What the choice depends on. */
export interface ProductSize {
  readonly M: number;
  readonly N: number;
  readonly batchCount: number;
}

/** Rows up to which a product is bound by reading the right operand. */
const maximumMatvecRows = 8;
/** Workgroups that fill a large GPU about twice. */
const enoughWorkgroups = 256;
/** Bytes of workgroup memory that tiles of edge 8 need. */
const largeTileBytes = 2 * 4 * (128 + 2) * 16;

function tiledChoice(engine: Engine, { M, N, batchCount }: ProductSize): KernelChoice {
  const workgroups = (edge: number): number => Math.ceil(M / (16 * edge)) * Math.ceil(N / (16 * edge)) * batchCount;
  const hasMemory = engine.device.limits.maxComputeWorkgroupStorageSize >= largeTileBytes;
  if (hasMemory && workgroups(8) >= enoughWorkgroups) {
    return { kernel: 'tiled', edge: 8, reason: 'many tiles of 128: the most work for each byte read' };
  }
  if (workgroups(4) >= enoughWorkgroups) {
    return { kernel: 'tiled', edge: 4, reason: 'tiles of 64, of which there are enough to fill a GPU' };
  }
  return { kernel: 'tiled', edge: 2, reason: 'a small product: tiles of 32, so that more of the GPU has work' };
}

/** The kernel for an integer product. */
export function chooseInteger(engine: Engine, size: ProductSize): KernelChoice {
  if (size.M <= maximumMatvecRows) {
    return { kernel: 'matvec', edge: 2, reason: `${size.M} rows: tiles would be mostly empty` };
  }
  if (engine.info.software) {
    return { kernel: 'register', edge: 8, reason: 'shaders run on the CPU: no workgroup memory, no dot4I8Packed' };
  }
  return tiledChoice(engine, size);
}

/** The kernel for an f32 product. */
export function chooseFloat(engine: Engine, size: ProductSize): KernelChoice {
  if (engine.info.software)
    return { kernel: 'register', edge: 8, reason: 'shaders run on the CPU: no workgroup memory' };
  return tiledChoice(engine, size);
}

/** The kernel and variant that a choice stands for. */
export function integerKernelOf(engine: Engine, choice: Omit<KernelChoice, 'reason'>): IntegerKernel {
  if (choice.kernel === 'register') return integerRegister;
  const packed = engine.dotPath === 'packed';
  if (choice.kernel === 'matvec') return integerMatvec(choice.lanes ?? (engine.info.software ? 1 : 16), packed);
  return integerTiled(choice.edge, packed);
}

/** The kernel and variant that a choice stands for. */
export function floatKernelOf(choice: Omit<KernelChoice, 'reason'>): FloatKernel {
  return choice.kernel === 'register' ? floatRegister : floatTiled(choice.edge);
}
