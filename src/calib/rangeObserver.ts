import { InvalidInput, ShapeMismatch } from '../base/errors.ts';
import type { Fault } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { bindingAlignment } from '../gpu/windows.ts';
import type { Granularity } from '../quant/granularity.ts';
import { accumulateRanges } from '../quant/range.ts';
import {
  assertObservable,
  channelsDiffer,
  floatFromOrdered,
  nonFinite,
  type Observer,
  observedMap,
} from './observer.ts';
import type { CalibrationStatistics, ValueRanges } from './statistics.ts';

/** How a `RangeObserver` gathers ranges. */
export interface RangeObserverOptions {
  readonly method: 'minmax' | 'moving-average';
  /** `perTensor()`, or `perChannel(axis)`: values that lack the axis have one range. */
  readonly granularity: Granularity;
  /** Share of a new batch in the moving averages, above 0 and up to 1. */
  readonly averagingConstant: number;
}

const mergeKernel = declareKernel({
  name: 'calib/mergeRanges',
  uniforms: { count: 'u32', weight: 'f32' },
  bindings: { batch: 'write', state: 'write' },
});

/** Parameters of one chunk of memory. A value never lies in two. */
const chunkParameters = 8192;
/** Ranges begin where bindings may, which takes this many parameters of two words each. */
const alignment = bindingAlignment / 8;

/** Memory for the ranges of many values: of the current batch, and of all. */
interface Chunk {
  readonly batch: Tensor<'int32'>;
  readonly state: Tensor<'int32'>;
  readonly capacity: number;
  used: number;
}

/** Where the ranges of a value are. */
interface Place {
  readonly chunk: Chunk;
  readonly first: number;
  readonly count: number;
  readonly fault: Fault;
}

/**
 * Least and greatest element of many values, per tensor or per channel: all of them, or moving averages over batches. One
 * dispatch a value and batch, and one for some thousand parameters at the end of a batch. Exact for `minmax`.
 */
export class RangeObserver implements Observer {
  readonly #engine: Engine;
  readonly #options: RangeObserverOptions;
  readonly #chunks: Chunk[] = [];
  readonly #places = new Map<string, Place>();
  #batches = 0;

  /** @throws InvalidInput for an averaging constant out of range, or ranges of groups */
  constructor(engine: Engine, options: RangeObserverOptions) {
    const { averagingConstant, granularity } = options;
    if (!(averagingConstant > 0 && averagingConstant <= 1)) {
      throw new InvalidInput(`The averaging constant is ${averagingConstant}; give one above 0 and up to 1.`);
    }
    assertObservable(granularity);
    this.#engine = engine;
    this.#options = options;
  }

  observe(name: string, tensor: Tensor<'float32'>): void {
    if (tensor.size === 0) return;
    const map = observedMap(this.#options.granularity, tensor.shape);
    const { chunk, first, count, fault } = this.#placeOf(name, map.count);
    if (count !== map.count) {
      throw new ShapeMismatch(channelsDiffer(name, map.count, count));
    }
    const ranges = { allocation: chunk.batch.allocation, offset: first * 8, size: count * 8 };
    accumulateRanges(this.#engine, tensor, map, ranges, fault);
  }

  endBatch(): void {
    const average = this.#options.method === 'moving-average';
    for (const { batch, state, used } of this.#chunks) {
      this.#engine.run(mergeKernel, {
        uniforms: { count: used, weight: this.#options.averagingConstant },
        bindings: { batch, state },
        workgroups: Math.ceil(used / 64),
        work: used * 40,
        variant: { conditions: { average } },
      });
    }
    this.#batches++;
  }

  async read(): Promise<CalibrationStatistics> {
    const words = new Map<Chunk, Uint32Array>();
    for (const chunk of this.#chunks) {
      const { buffer, byteOffset, length } = await chunk.state.read();
      words.set(chunk, new Uint32Array(buffer, byteOffset, length));
    }
    const values: Record<string, ValueRanges> = {};
    for (const [name, { chunk, first, count }] of this.#places) {
      const state = words.get(chunk)?.subarray(first * 4, (first + count) * 4) ?? new Uint32Array();
      const column = (offset: number, complement: boolean): number[] =>
        Array.from({ length: count }, (_, index) => {
          const word = state[4 * index + offset] ?? 0;
          return floatFromOrdered(complement ? ~word : word);
        });
      // Not seen in a batch that was ended.
      if (state[3] === 0) continue;
      values[name] = {
        minimum: column(0, true),
        maximum: column(1, false),
        firstMinimum: column(2, true),
        firstMaximum: column(3, false),
        batches: this.#batches,
      };
    }
    const { method, granularity, averagingConstant } = this.#options;
    return {
      method,
      ...(method === 'moving-average' && { averagingConstant }),
      ...(granularity.kind === 'channel' && { axis: granularity.axis }),
      values,
    };
  }

  dispose(): void {
    for (const { fault } of this.#places.values()) fault.release();
    for (const { batch, state } of this.#chunks) for (const tensor of [batch, state]) tensor.dispose();
    this.#places.clear();
    this.#chunks.length = 0;
  }

  #placeOf(name: string, count: number): Place {
    const known = this.#places.get(name);
    if (known) return known;
    const padded = Math.ceil(count / alignment) * alignment;
    const last = this.#chunks.at(-1);
    const chunk = last && last.used + padded <= last.capacity ? last : this.#addChunk(padded);
    // Plans share it, so it does not belong to the one that is being recorded.
    const fault = this.#engine.uncaptured(() => this.#engine.fault((index) => nonFinite(name, index)));
    const place = { chunk, first: chunk.used, count, fault };
    chunk.used += padded;
    this.#places.set(name, place);
    return place;
  }

  #addChunk(atLeast: number): Chunk {
    const capacity = Math.max(chunkParameters, atLeast);
    const zeros = (words: number) => this.#engine.uncaptured(() => this.#engine.tensor(new Int32Array(words), [words]));
    const chunk = { batch: zeros(2 * capacity), state: zeros(4 * capacity), capacity, used: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }
}
