import type { BufferView } from './allocation.ts';
import { uniformSlotBytes } from './uniforms.ts';

const maximumCached = 4096;

/** Caches bind groups by layout and bound buffers: making one costs 10 to 20 µs, and pooled buffers come back. */
export class BindGroupCache {
  readonly #device: GPUDevice;
  readonly #arena: GPUBuffer;
  readonly #groups = new Map<string, GPUBindGroup>();
  readonly #identities = new WeakMap<object, number>();
  readonly #keysOfBuffer = new Map<GPUBuffer, Set<string>>();
  #nextIdentity = 0;

  /** @param arena the uniform buffer that every group binds at 0 with a dynamic offset. */
  constructor(device: GPUDevice, arena: GPUBuffer) {
    this.#device = device;
    this.#arena = arena;
  }

  get(layout: GPUBindGroupLayout, views: readonly BufferView[]): GPUBindGroup {
    const key = `${this.#identify(layout)}|${views
      .map(({ allocation, offset, size }) => `${this.#identify(allocation.buffer)}:${offset}:${size}`)
      .join('|')}`;
    const known = this.#groups.get(key);
    if (known) return known;
    const group = this.#device.createBindGroup({
      layout,
      entries: [
        { binding: 0, resource: { buffer: this.#arena, offset: 0, size: uniformSlotBytes } },
        ...views.map(({ allocation, offset, size }, position) => ({
          binding: position + 1,
          resource: { buffer: allocation.buffer, offset, size },
        })),
      ],
    });
    if (this.#groups.size >= maximumCached) {
      this.#groups.clear();
      this.#keysOfBuffer.clear();
    }
    this.#groups.set(key, group);
    for (const { allocation } of views) {
      const keys = this.#keysOfBuffer.get(allocation.buffer) ?? new Set();
      keys.add(key);
      this.#keysOfBuffer.set(allocation.buffer, keys);
    }
    return group;
  }

  /** Drops the groups that bind `buffer`, before it is destroyed. */
  forget(buffer: GPUBuffer): void {
    for (const key of this.#keysOfBuffer.get(buffer) ?? []) this.#groups.delete(key);
    this.#keysOfBuffer.delete(buffer);
  }

  #identify(object: object): number {
    const known = this.#identities.get(object);
    if (known !== undefined) return known;
    const identity = this.#nextIdentity++;
    this.#identities.set(object, identity);
    return identity;
  }
}
