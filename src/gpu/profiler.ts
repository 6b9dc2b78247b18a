import { UnsupportedAdapter } from '../base/errors.ts';
import { bufferUsage } from './bufferPool.ts';

/** GPU time of one dispatch. */
export interface KernelTime {
  /** The kernel's name, `domain/file`. */
  readonly kernel: string;
  /** Time between the start and the end of its pass, in milliseconds. */
  readonly milliseconds: number;
}

const maximumTimed = 2048;

/** Times each dispatch with a pair of timestamps; dispatches beyond the first 2,048 are not timed. */
export class Profiler {
  readonly #device: GPUDevice;
  readonly #querySet: GPUQuerySet;
  readonly #kernels: string[] = [];

  /** @throws UnsupportedAdapter without the feature `timestamp-query`. */
  constructor(device: GPUDevice) {
    if (!device.features.has('timestamp-query')) {
      throw new UnsupportedAdapter(
        'Kernels cannot be timed: this device lacks the feature "timestamp-query". Measure end to end instead, or open the engine on an adapter that has it.',
      );
    }
    this.#device = device;
    this.#querySet = device.createQuerySet({ type: 'timestamp', count: maximumTimed * 2 });
  }

  /** Where the next dispatch's timestamps go, or nothing when all are used. */
  next(kernel: string): GPUComputePassTimestampWrites | undefined {
    if (this.#kernels.length >= maximumTimed) return undefined;
    const first = this.#kernels.length * 2;
    this.#kernels.push(kernel);
    return { querySet: this.#querySet, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 };
  }

  /** Reads the times and releases the queries. Call it once, after everything timed was submitted. */
  async finish(): Promise<KernelTime[]> {
    const count = this.#kernels.length * 2;
    if (count === 0) {
      this.#querySet.destroy();
      return [];
    }
    const size = count * 8;
    const resolved = this.#device.createBuffer({ size, usage: bufferUsage.queryResolve | bufferUsage.copySource });
    const staging = this.#device.createBuffer({ size, usage: bufferUsage.mapRead | bufferUsage.copyDestination });
    try {
      const encoder = this.#device.createCommandEncoder();
      encoder.resolveQuerySet(this.#querySet, 0, count, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
      this.#device.queue.submit([encoder.finish()]);
      await staging.mapAsync(1);
      const stamps = new BigUint64Array(staging.getMappedRange().slice(0));
      return this.#kernels.map((kernel, position) => ({
        kernel,
        milliseconds: Number((stamps[position * 2 + 1] ?? 0n) - (stamps[position * 2] ?? 0n)) / 1e6,
      }));
    } finally {
      resolved.destroy();
      staging.destroy();
      this.#querySet.destroy();
    }
  }
}
