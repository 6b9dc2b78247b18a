import { InvalidInput, ShapeMismatch } from '../base/errors.ts';
import type { Fault } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { bindingAlignment } from '../gpu/windows.ts';
import { type Granularity, mapParameters } from '../quant/granularity.ts';
import { accumulateRanges } from '../quant/range.ts';
import type { CalibrationStatistics, ValueRanges } from './statistics.ts';

/**
 * Watches the values of a model over batches, on the GPU. What it finds stays there until `read`, so that nothing is
 * copied while batches run.
 */
export interface Observer {
  /** Records the observation of a value in the current batch. May be called while a plan is recorded, to be repeated. */
  observe(name: string, tensor: Tensor<'float32'>): void;
  /** Ends a batch, with what was observed since the last. */
  endBatch(): void;
  /** What was found so far. @throws InvalidInput naming the value that has an element that is not finite */
  read(): Promise<CalibrationStatistics>;
  dispose(): void;
}

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
    if (granularity.kind === 'group') {
      throw new InvalidInput('Values of a model have no ranges of groups; use perTensor() or perChannel(axis).');
    }
    this.#engine = engine;
    this.#options = options;
  }

  observe(name: string, tensor: Tensor<'float32'>): void {
    if (tensor.size === 0) return;
    const { granularity } = this.#options;
    const fits =
      granularity.kind === 'channel' && tensor.shape.length > Math.max(granularity.axis, -granularity.axis - 1);
    const map = mapParameters(fits ? granularity : { kind: 'tensor' }, tensor.shape);
    const { chunk, first, count, fault } = this.#placeOf(name, map.count);
    if (count !== map.count) {
      throw new ShapeMismatch(
        `"${name}" has ${map.count} channels in one batch and ${count} in another; use an axis of fixed length, or one range for all.`,
      );
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

const nonFinite = (name: string, index: number): InvalidInput =>
  new InvalidInput(
    `Element ${index} of the value "${name}" is not finite for one of the calibration inputs; leave that input out, or exclude the node.`,
  );

const scratch = new DataView(new ArrayBuffer(4));

/** The float whose bits have this place in the order of floats: see `bitsFromOrdered` in shaders/shared/exactFloat.wgsl. */
function floatFromOrdered(ordered: number): number {
  const unsigned = ordered >>> 0;
  scratch.setUint32(0, unsigned >= 2 ** 31 ? unsigned - 2 ** 31 : ~unsigned);
  return scratch.getFloat32(0);
}
