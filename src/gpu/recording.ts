import type { Allocation, Fault } from './allocation.ts';
import { BufferPool, bucketSize } from './bufferPool.ts';

/** GPU memory of a recording, in bytes. */
export interface RecordingMemory {
  /** Held, with buffers reused as soon as the step that last needs them is recorded. */
  readonly bytes: number;
  /** What it would hold with a buffer of its own for each allocation. */
  readonly bytesWithoutReuse: number;
}

/**
 * Work that was recorded once and can be repeated with the same buffers: see `Engine.capture`. Scratch memory is reused
 * in the order of recording, which is the order of every repetition.
 */
export class Recording {
  readonly #pool: BufferPool;
  readonly #steps: (() => void)[] = [];
  readonly #faults: Fault[] = [];
  readonly #onDispose: (recording: Recording) => void;
  #bytesWithoutReuse = 0;
  #disposed = false;

  /**
   * @param destroy destroys a buffer once the work recorded so far has been submitted
   * @param onDispose called once
   */
  constructor(device: GPUDevice, destroy: (buffer: GPUBuffer) => void, onDispose: (recording: Recording) => void) {
    this.#pool = new BufferPool(device, Number.POSITIVE_INFINITY, destroy);
    this.#onDispose = onDispose;
  }

  get memory(): RecordingMemory {
    const { live, pooled } = this.#pool.report;
    return { bytes: live + pooled, bytesWithoutReuse: this.#bytesWithoutReuse };
  }

  /** Number of recorded steps. */
  get stepCount(): number {
    return this.#steps.length;
  }

  /** Memory for the work being recorded. */
  allocate(size: number): Allocation {
    const allocation = this.#pool.allocate(size);
    this.#bytesWithoutReuse += bucketSize(allocation.size);
    return allocation;
  }

  /** Memory for what is written once, not repeated: neither earlier nor later steps use it for anything else. */
  allocateConstant(size: number): Allocation {
    const allocation = this.#pool.allocate(size, true);
    this.#bytesWithoutReuse += bucketSize(allocation.size);
    this.#pool.keep(allocation);
    return allocation;
  }

  /** Keeps an error word to itself as long as the work can be repeated. */
  hold(fault: Fault): void {
    fault.retain();
    this.#faults.push(fault);
  }

  add(step: () => void): void {
    this.#steps.push(step);
  }

  /** Records all the work again, into the queue. Does nothing after `dispose()`. */
  replay(): void {
    if (this.#disposed) return;
    for (const step of this.#steps) step();
  }

  /** Releases its memory. Allocations that are still held elsewhere go when they are released. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#steps.length = 0;
    for (const fault of this.#faults) fault.release();
    this.#pool.close();
    this.#onDispose(this);
  }
}
