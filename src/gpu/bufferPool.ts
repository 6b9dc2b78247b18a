import { LimitExceeded, OutOfMemory } from '../base/errors.ts';
import { Allocation, Outcome } from './allocation.ts';

/** GPU memory in bytes, as the pool counts it. */
export interface MemoryReport {
  /** Held by tensors and by work in progress. */
  readonly live: number;
  /** Kept for reuse. */
  readonly pooled: number;
  /** The most that was live at one time. */
  readonly peak: number;
}

const usage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyDestination: 0x8,
  uniform: 0x40,
  storage: 0x80,
  indirect: 0x100,
  queryResolve: 0x200,
} as const;

export { usage as bufferUsage };

const storageUsage = usage.storage | usage.copySource | usage.copyDestination | usage.indirect;

/** Buffer sizes come in four steps per power of two, so that a released buffer fits many later requests. */
export function bucketSize(size: number): number {
  const least = Math.max(256, size);
  const step = Math.max(256, 2 ** Math.floor(Math.log2(least)) / 4);
  return Math.ceil(least / step) * step;
}

/**
 * Hands out storage buffers and keeps released ones for reuse, up to a bound.
 * A released buffer may be handed out again at once: all work goes through one queue, in the order it was recorded.
 */
export class BufferPool {
  readonly #device: GPUDevice;
  #maximumPooled: number;
  readonly #kept = new Set<GPUBuffer>();
  readonly #destroy: (buffer: GPUBuffer) => void;
  readonly #free = new Map<number, GPUBuffer[]>();
  #live = 0;
  #pooled = 0;
  #peak = 0;

  /** @param destroy destroys a buffer once the work recorded so far has been submitted. */
  constructor(device: GPUDevice, maximumPooled: number, destroy: (buffer: GPUBuffer) => void) {
    this.#device = device;
    this.#maximumPooled = maximumPooled;
    this.#destroy = destroy;
  }

  get report(): MemoryReport {
    return { live: this.#live, pooled: this.#pooled, peak: this.#peak };
  }

  /**
   * A buffer of at least `size` bytes; its contents are arbitrary.
   * @param fresh whether it must be one that was never handed out before.
   * @throws LimitExceeded when it is beyond the device's largest buffer.
   */
  allocate(size: number, fresh = false): Allocation {
    const limit = this.#device.limits.maxBufferSize;
    const aligned = Math.ceil(size / 4) * 4;
    if (aligned > limit) {
      throw new LimitExceeded(
        `A buffer of ${aligned} bytes is beyond this adapter's maxBufferSize of ${limit} bytes; process the data in parts.`,
      );
    }
    const bucket = Math.min(bucketSize(aligned), Math.floor(limit / 4) * 4);
    const buffer = fresh ? undefined : this.#free.get(bucket)?.pop();
    if (buffer) this.#pooled -= bucket;
    this.#live += bucket;
    this.#peak = Math.max(this.#peak, this.#live);
    const allocated = buffer ? { buffer, outcome: undefined } : this.#create(bucket);
    const allocation = new Allocation(allocated.buffer, aligned, () => this.#release(allocated.buffer, bucket));
    if (allocated.outcome) allocation.dependOn(allocated.outcome);
    return allocation;
  }

  /** Keeps the buffer of an allocation from being handed out again before `close()`. */
  keep(allocation: Allocation): void {
    this.#kept.add(allocation.buffer);
  }

  /** Destroys every buffer that is not live, and from then on each one as it is released. */
  close(): void {
    this.#maximumPooled = 0;
    this.#kept.clear();
    this.trim();
  }

  /** Destroys every pooled buffer. */
  trim(): void {
    for (const buffers of this.#free.values()) for (const buffer of buffers) this.#destroy(buffer);
    this.#free.clear();
    this.#pooled = 0;
  }

  #create(bucket: number): { buffer: GPUBuffer; outcome: Outcome } {
    this.#device.pushErrorScope('validation');
    this.#device.pushErrorScope('out-of-memory');
    const buffer = this.#device.createBuffer({ size: bucket, usage: storageUsage });
    const scopes = [this.#device.popErrorScope(), this.#device.popErrorScope()];
    const outcome = new Outcome(
      Promise.all(scopes).then((errors) => {
        const error = errors.find((found) => found !== null);
        return error
          ? new OutOfMemory(
              `The GPU could not allocate ${bucket} bytes (${this.#live} bytes live): ${error.message}. Dispose tensors that are no longer needed, or process the data in parts.`,
            )
          : undefined;
      }),
    );
    // A buffer that was never really made must not be handed out again.
    outcome.settled.catch(() => this.#failed.add(buffer));
    return { buffer, outcome };
  }

  readonly #failed = new WeakSet<GPUBuffer>();

  #release(buffer: GPUBuffer, bucket: number): void {
    this.#live -= bucket;
    if (this.#kept.has(buffer)) {
      // Held under a size that no request has, so that only trim() finds it.
      this.#hold(buffer, 0, bucket);
      return;
    }
    if (this.#failed.has(buffer) || this.#pooled + bucket > this.#maximumPooled) {
      this.#destroy(buffer);
      return;
    }
    this.#hold(buffer, bucket, bucket);
  }

  #hold(buffer: GPUBuffer, key: number, bucket: number): void {
    const free = this.#free.get(key) ?? [];
    free.push(buffer);
    this.#free.set(key, free);
    this.#pooled += bucket;
  }
}
