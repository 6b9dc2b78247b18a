import { InvalidInput } from '../base/errors.ts';
import type { Shape } from '../base/shape.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { type Granularity, mapParameters, type ParameterMap, perTensor } from '../quant/granularity.ts';
import type { CalibrationStatistics } from './statistics.ts';

/**
 * Watches the values of a model over batches, on the GPU. What it finds stays there until `read`, so that nothing is
 * copied while batches run.
 */
export interface Observer {
  /** Records the observation of a value in the current batch. May be called while a plan is recorded, to be repeated. */
  observe(name: string, tensor: Tensor<'float32'>): void;
  /** Ends a batch, with what was observed since the last. */
  endBatch(): void;
  /**
   * What was found so far. What takes the CPU long gives way to other tasks every few milliseconds.
   * @throws InvalidInput naming the value that has an element that is not finite; Aborted
   */
  read(signal?: AbortSignal): Promise<CalibrationStatistics>;
  dispose(): void;
}

/** @throws InvalidInput for ranges of groups, which values whose shapes vary do not have */
export function assertObservable(granularity: Granularity): void {
  if (granularity.kind === 'group') {
    throw new InvalidInput('Values of a model have no ranges of groups; use perTensor() or perChannel(axis).');
  }
}

/** Which elements of a value share a range: all of them where it lacks the axis. */
export function observedMap(granularity: Granularity, shape: Shape): ParameterMap {
  const fits = granularity.kind === 'channel' && shape.length > Math.max(granularity.axis, -granularity.axis - 1);
  return mapParameters(fits ? granularity : perTensor(), shape);
}

/** The message for a value whose number of channels varies. */
export function channelsDiffer(name: string, count: number, before: number): string {
  return `"${name}" has ${count} channels in one batch and ${before} in another; use an axis of fixed length, or one range for all.`;
}

/** The error for an element that has no range. */
export const nonFinite = (name: string, index: number): InvalidInput =>
  new InvalidInput(
    `Element ${index} of the value "${name}" is not finite for one of the calibration inputs; leave that input out, or exclude the node.`,
  );

const scratch = new DataView(new ArrayBuffer(4));

/** The float whose bits have this place in the order of floats: see `bitsFromOrdered` in shaders/shared/exactFloat.wgsl. */
export function floatFromOrdered(ordered: number): number {
  const unsigned = ordered >>> 0;
  scratch.setUint32(0, unsigned >= 2 ** 31 ? unsigned - 2 ** 31 : ~unsigned);
  return scratch.getFloat32(0);
}
