import { bufferUsage } from './bufferPool.ts';
import type { LossGuard } from './guard.ts';

/** A buffer that results are copied to and mapped from. `idle → filling → mapped → idle`. */
interface Slot {
  buffer: GPUBuffer | undefined;
  size: number;
  state: 'idle' | 'filling' | 'mapped';
}

const slotCount = 3;
/** Larger staging buffers are not kept between readbacks. */
const maximumKeptBytes = 64 << 20;

/** A small ring of staging buffers: that many readbacks may be under way at once, further ones wait their turn. */
export class ReadbackRing {
  readonly #device: GPUDevice;
  readonly #guard: LossGuard;
  readonly #slots: Slot[] = Array.from({ length: slotCount }, () => ({ buffer: undefined, size: 0, state: 'idle' }));
  readonly #waiting: ((slot: Slot) => void)[] = [];

  constructor(device: GPUDevice, guard: LossGuard) {
    this.#device = device;
    this.#guard = guard;
  }

  /**
   * Reads `size` bytes that `fill` has copied into the buffer it is given.
   * @param fill records the copies and resolves once they are submitted.
   */
  async read(size: number, fill: (staging: GPUBuffer) => Promise<void>): Promise<ArrayBuffer> {
    const slot = await this.#acquire();
    try {
      const buffer = this.#fit(slot, size);
      await fill(buffer);
      await this.#guard.protect(buffer.mapAsync(1, 0, size));
      slot.state = 'mapped';
      return buffer.getMappedRange(0, size).slice(0);
    } finally {
      this.#release(slot);
    }
  }

  destroy(): void {
    for (const slot of this.#slots) this.#drop(slot);
  }

  #acquire(): Promise<Slot> {
    const idle = this.#slots.find((slot) => slot.state === 'idle');
    if (!idle) return this.#guard.protect(new Promise((resolve) => this.#waiting.push(resolve)));
    idle.state = 'filling';
    return Promise.resolve(idle);
  }

  #fit(slot: Slot, size: number): GPUBuffer {
    if (slot.buffer && slot.size >= size) return slot.buffer;
    this.#drop(slot);
    slot.size = Math.max(65_536, 2 ** Math.ceil(Math.log2(size)));
    if (slot.size > maximumKeptBytes) slot.size = size;
    slot.buffer = this.#device.createBuffer({
      label: 'readback',
      size: slot.size,
      usage: bufferUsage.mapRead | bufferUsage.copyDestination,
    });
    return slot.buffer;
  }

  #release(slot: Slot): void {
    if (slot.state === 'mapped') slot.buffer?.unmap();
    // A slot that never got mapped may still have a copy or a mapping under way: do not reuse its buffer.
    if (slot.state !== 'mapped' || slot.size > maximumKeptBytes) this.#drop(slot);
    const next = this.#waiting.shift();
    slot.state = next ? 'filling' : 'idle';
    next?.(slot);
  }

  #drop(slot: Slot): void {
    slot.buffer?.destroy();
    slot.buffer = undefined;
    slot.size = 0;
  }
}
