import { LimitExceeded } from '../base/errors.ts';
import type { Allocation } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import { workRuns } from '../gpu/windows.ts';

const pairsKernel = declareKernel({
  name: 'cluster/pairs',
  uniforms: {
    firstWorkgroup: 'u32',
    endWorkgroup: 'u32',
    rowCount: 'u32',
    pointCount: 'u32',
    segmentCount: 'u32',
    vectors: 'u32',
  },
  bindings: { points: 'read', rows: 'read', segments: 'read', tags: 'read', sizes: 'read', results: 'write' },
});

type Form = 'nearest' | 'distances' | 'sums';

const width = 64;
/** Rows of a workgroup. */
const blockRows = 4 * width;
/** Most points that one float32 sum of distances runs over: 256 additions in each of four lanes. */
export const largestSegment = 1024;
/** Bytes of sums that are read back at once. */
const sumBytes = 32 << 20;

/** Consecutive points: first and end, in turns. */
export type Segments = Uint32Array<ArrayBuffer>;

/** The two smallest values of each row. */
export interface Nearest {
  /** Whose the smallest is; 0xffffffff for nobody. */
  readonly index: Uint32Array<ArrayBuffer>;
  readonly best: Float32Array<ArrayBuffer>;
  /** The second smallest; above 1e38 where there is none. */
  readonly second: Float32Array<ArrayBuffer>;
}

/** Index of nobody. */
export const nobody = 0xffffffff;

/**
 * The nearest of each row from those of its pieces, [rows][pieces][index, best, second best]; the lowest index of equal
 * ones.
 */
export function mergeNearest(words: Uint32Array<ArrayBuffer>, rowCount: number, pieces: number): Nearest {
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  const index = new Uint32Array(rowCount).fill(nobody);
  const best = new Float32Array(rowCount).fill(Number.POSITIVE_INFINITY);
  const second = new Float32Array(rowCount).fill(Number.POSITIVE_INFINITY);
  for (let row = 0, at = 0; row < rowCount; row++) {
    for (let piece = 0; piece < pieces; piece++, at += 3) {
      const value = floats[at + 1] as number;
      const former = best[row] as number;
      if (value < former || (value === former && (words[at] as number) < (index[row] as number))) {
        index[row] = words[at] as number;
        best[row] = value;
        second[row] = Math.min(former, floats[at + 2] as number);
      } else if (value < (second[row] as number)) {
        second[row] = value;
      }
    }
  }
  return { index, best, second };
}

/** Every row once. */
export function allRows(count: number): Uint32Array<ArrayBuffer> {
  return Uint32Array.from({ length: count }, (_, row) => row);
}

/** Points of a frame on the GPU, to be compared with each other. Holds GPU memory until `release()`. */
export class PairPoints {
  readonly #engine: Engine;
  readonly #points: Allocation;
  readonly #count: number;
  readonly #vectors: number;

  /**
   * @param coordinates row-major, in a frame
   * @param what the caller, for messages
   * @throws LimitExceeded for more than one binding holds
   */
  constructor(engine: Engine, coordinates: Float64Array, columnCount: number, what: string) {
    this.#engine = engine;
    this.#count = coordinates.length / columnCount;
    this.#vectors = Math.ceil(columnCount / 4);
    const rowFloats = this.#vectors * 4;
    const limit = engine.device.limits.maxStorageBufferBindingSize;
    if (this.#count * rowFloats * 4 > limit) {
      throw new LimitExceeded(
        `${what}: ${this.#count} points with ${columnCount} columns take ${this.#count * rowFloats * 4} bytes, but this adapter binds at most ${limit}; take a sample of the points, or the centroids of a k-means.`,
      );
    }
    const rows = new Float32Array(this.#count * rowFloats);
    for (let row = 0, index = 0; row < this.#count; row++) {
      for (let column = 0; column < columnCount; column++, index++) {
        rows[row * rowFloats + column] = coordinates[index] as number;
      }
    }
    this.#points = upload(engine, rows);
  }

  /**
   * For each of `rows` the nearest point of another tag, and the second nearest, by 2·s·t / (s + t) · |a − b|² with the
   * sizes s and t: Ward's squared distance, and the squared distance itself where all sizes are 1.
   */
  async nearest(
    rows: Uint32Array<ArrayBuffer>,
    tags: Uint32Array<ArrayBuffer>,
    sizes: Float32Array<ArrayBuffer>,
  ): Promise<Nearest> {
    const segments = this.#evenSegments(rows.length);
    const pieces = segments.length / 2;
    const results = this.#engine.allocate(rows.length * pieces * 12);
    const held = [results, upload(this.#engine, tags), upload(this.#engine, sizes)];
    try {
      this.#run('nearest', rows, segments, results, held[1], held[2]);
      const words = new Uint32Array(await this.#engine.readBytes(results, rows.length * pieces * 12));
      return mergeNearest(words, rows.length, pieces);
    } finally {
      for (const allocation of held) allocation.release();
    }
  }

  /** The distance of every point to every point, [points][points] f32, which the caller releases. @throws LimitExceeded */
  distances(what: string): Allocation {
    const engine = this.#engine;
    const limit = engine.device.limits.maxStorageBufferBindingSize;
    if (this.#count ** 2 * 4 > limit) {
      throw new LimitExceeded(
        `${what}: the distances between ${this.#count} points take ${this.#count ** 2 * 4} bytes, but this adapter binds at most ${limit}, enough for ${Math.floor(Math.sqrt(limit / 4))} points; set preclusters, or use the linkage ward or single, which need no such matrix.`,
      );
    }
    const results = engine.allocate(this.#count ** 2 * 4);
    this.#run('distances', allRows(this.#count), this.#evenSegments(this.#count), results);
    return results;
  }

  /**
   * Calls `take` with the sums of the distances of some of `rows` to the points of each segment, [rows][segments], until
   * all rows had their turn.
   */
  async distanceSums(
    rows: Uint32Array<ArrayBuffer>,
    segments: Segments,
    take: (firstRow: number, sums: Float32Array<ArrayBuffer>) => void,
  ): Promise<void> {
    const segmentCount = segments.length / 2;
    const step = Math.max(blockRows, Math.floor(sumBytes / segmentCount / 4 / blockRows) * blockRows);
    for (let first = 0; first < rows.length; first += step) {
      const chunk = rows.slice(first, first + step);
      const results = this.#engine.allocate(chunk.length * segmentCount * 4);
      try {
        this.#run('sums', chunk, segments, results);
        take(first, new Float32Array(await this.#engine.readBytes(results, chunk.length * segmentCount * 4)));
      } finally {
        results.release();
      }
    }
  }

  release(): void {
    this.#points.release();
  }

  /** Operations of a pair. */
  get #pairWork(): number {
    return this.#vectors * 10 + 6;
  }

  /** All points in as many segments as keep the adapter busy, each short enough for one dispatch. */
  #evenSegments(rowCount: number): Segments {
    const { software } = this.#engine.info;
    const blocks = Math.ceil(rowCount / blockRows);
    const busy = Math.ceil((software ? 8 : 2048) / blocks);
    const affordable = Math.max(64, Math.floor(this.#engine.workBudget / (blockRows * this.#pairWork)));
    const length = Math.max(64, Math.min(affordable, Math.ceil(this.#count / busy)));
    return segmentsOf([[0, this.#count]], length);
  }

  #run(
    form: Form,
    rows: Uint32Array<ArrayBuffer>,
    segments: Segments,
    results: Allocation,
    tags?: Allocation,
    sizes?: Allocation,
  ): void {
    const engine = this.#engine;
    const list = upload(engine, rows);
    const pieces = upload(engine, segments);
    const segmentCount = segments.length / 2;
    const workEach = (blockRows * this.#count * this.#pairWork) / segmentCount;
    const workgroups = Math.ceil(rows.length / blockRows) * segmentCount;
    for (const { first: firstWorkgroup, end: endWorkgroup, work } of workRuns(engine, workgroups, workEach, 1)) {
      engine.run(pairsKernel, {
        uniforms: {
          firstWorkgroup,
          endWorkgroup,
          rowCount: rows.length,
          pointCount: this.#count,
          segmentCount,
          vectors: this.#vectors,
        },
        bindings: {
          points: this.#points,
          rows: list,
          segments: pieces,
          // Only one form reads these.
          tags: tags ?? list,
          sizes: sizes ?? list,
          results,
        },
        workgroups: endWorkgroup - firstWorkgroup,
        work,
        variant: {
          conditions: { nearest: false, distances: false, sums: false, [form]: true },
          constants: { WIDTH: width },
        },
      });
    }
    list.release();
    pieces.release();
  }
}

/** Cuts ranges of points into segments of at most `length`. */
export function segmentsOf(ranges: Iterable<readonly [first: number, end: number]>, length: number): Segments {
  const segments: number[] = [];
  for (const [begin, end] of ranges) {
    for (let first = begin; first < end; first += length) segments.push(first, Math.min(first + length, end));
  }
  return Uint32Array.from(segments);
}

/** GPU memory with the contents of an array, which the caller releases. */
export function upload(engine: Engine, data: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>): Allocation {
  const allocation = engine.allocate(data.byteLength);
  engine.upload(allocation, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return allocation;
}
