import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { type Window, windowsOf, workRuns } from '../gpu/windows.ts';

/** Some rows of one length. Plain data, which survives JSON. */
export interface RowSample {
  readonly length: number;
  readonly rows: readonly SampledRow[];
}

/** A row, and what it was chosen by. */
export interface SampledRow {
  /** A hash of the row; its last bits are the row's slot, for which the greatest priority is kept. */
  readonly priority: number;
  readonly logits: readonly number[];
}

const hashKernel = declareKernel({
  name: 'calib/hashRows',
  uniforms: { first: 'u32', end: 'u32', length: 'u32', start: 'u32' },
  bindings: { x: 'read', hashes: 'write' },
});

const keepKernel = declareKernel({
  name: 'calib/keepRows',
  uniforms: {
    first: 'u32',
    end: 'u32',
    length: 'u32',
    start: 'u32',
    slots: 'u32',
    firstSlot: 'u32',
    endSlot: 'u32',
  },
  bindings: { x: 'read', hashes: 'read', state: 'write' },
});

const greatestSlots = 256;
/** Numbers that a sample holds where a single row is not longer. */
const sampleSize = 2 ** 19;

/** Rows of this length that a sample holds at most: a power of two. */
function slotsOf(length: number): number {
  return Math.min(2 ** Math.max(Math.floor(Math.log2(sampleSize / length)), 0), greatestSlots);
}

/**
 * Keeps a sample of the rows (along the last axis) of many values over batches, on the GPU: of each value at most 256
 * different rows, and 2 MiB. Which rows those are depends on the rows alone, and not on the batches that they come in, so
 * that samples combine exactly. Two dispatches a value and batch.
 */
export class RowSampler {
  readonly #engine: Engine;
  readonly #states = new Map<string, Map<number, Tensor<'int32'>>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Records that rows of a value may be kept. May be called while a plan is recorded, to be repeated. */
  observe(name: string, tensor: Tensor<'float32'>): void {
    const length = tensor.shape.at(-1) ?? 1;
    if (tensor.size === 0) return;
    const engine = this.#engine;
    const state = this.#stateOf(name, length);
    const hashes = engine.allocate((tensor.size / length) * 4);
    engine.clear(hashes);
    let next = 0;
    for (const window of windowsOf(engine, tensor.allocation, tensor.size, length)) {
      const end = Math.floor((window.start + window.length) / length);
      if (end > next) this.#sample({ window, first: next, end, length }, hashes, state);
      next = end;
    }
    hashes.release();
  }

  /** The rows so far, by name. */
  async read(): Promise<Map<string, RowSample[]>> {
    const samples = new Map<string, RowSample[]>();
    for (const [name, states] of this.#states) {
      const found: RowSample[] = [];
      for (const [length, state] of states) {
        const words = await state.read();
        const slots = slotsOf(length);
        const data = new Float32Array(words.buffer, words.byteOffset + 4 * slots);
        const rows = Array.from({ length: slots }, (_, slot): SampledRow => {
          const logits = Array.from(data.subarray(slot * length, (slot + 1) * length), (value) => value + 0);
          return { priority: (words[slot] ?? 0) >>> 0, logits };
        }).filter(({ priority }) => priority > 0);
        if (rows.length > 0) found.push({ length, rows });
      }
      if (found.length > 0) samples.set(name, found.sort(byLength));
    }
    return samples;
  }

  dispose(): void {
    for (const states of this.#states.values()) for (const state of states.values()) state.dispose();
    this.#states.clear();
  }

  #sample(
    { window, first, end, length }: { window: Window; first: number; end: number; length: number },
    hashes: ReturnType<Engine['allocate']>,
    state: Tensor<'int32'>,
  ): void {
    const engine = this.#engine;
    const x = window.view;
    const slots = slotsOf(length);
    const common = { length, start: window.start };
    for (const run of workRuns(engine, end - first, length * 20, 1)) {
      const uniforms = { first: first + run.first, end: first + run.end, ...common };
      engine.run(hashKernel, { uniforms, bindings: { x, hashes }, workgroups: run.end - run.first, work: run.work });
    }
    for (const run of workRuns(engine, slots, (end - first) * 15 + length * 2, 1)) {
      const uniforms = { first, end, ...common, slots, firstSlot: run.first, endSlot: run.end };
      const workgroups = run.end - run.first;
      engine.run(keepKernel, { uniforms, bindings: { x, hashes, state }, workgroups, work: run.work });
    }
  }

  #stateOf(name: string, length: number): Tensor<'int32'> {
    const states = this.#states.get(name) ?? new Map<number, Tensor<'int32'>>();
    this.#states.set(name, states);
    const words = slotsOf(length) * (length + 1);
    const engine = this.#engine;
    // Plans share it, so it does not belong to the one that is being recorded.
    const state = states.get(length) ?? engine.uncaptured(() => engine.tensor(new Int32Array(words), [words]));
    states.set(length, state);
    return state;
  }
}

const byLength = (a: RowSample, b: RowSample): number => a.length - b.length;

/** The samples of all rows that two lists of samples were taken from. */
export function mergeSamples(earlier: readonly RowSample[], later: readonly RowSample[]): RowSample[] {
  const lengths = new Set([...earlier, ...later].map(({ length }) => length));
  const merged = [...lengths].map((length): RowSample => {
    const slots = slotsOf(length);
    const kept = new Map<number, SampledRow>();
    for (const sample of [...earlier, ...later]) {
      if (sample.length !== length) continue;
      for (const row of sample.rows) {
        const slot = row.priority % slots;
        if (row.priority > (kept.get(slot)?.priority ?? 0)) kept.set(slot, row);
      }
    }
    return { length, rows: [...kept].sort(([a], [b]) => a - b).map(([, row]) => row) };
  });
  return merged.sort(byLength);
}
