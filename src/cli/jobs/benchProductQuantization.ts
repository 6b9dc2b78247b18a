import { breathe } from '../../base/pieces.ts';
import type { HostPoints } from '../../cluster/points/points.ts';
import type { ProductBits } from '../../cluster/product/productCodes.ts';
import { ProductQuantizer, type ProductQuantizerFit } from '../../cluster/product/productQuantization.ts';
import type { ProductNeighbours } from '../../cluster/product/productSearch.ts';
import { matmul } from '../../gemm/matmul.ts';
import type { Engine } from '../../gpu/engine.ts';
import { topK } from '../../nn/topK.ts';
import type { Ratio } from './clusterBench.ts';
import type { Job } from './job.ts';
import { pointsOf } from './pointInput.ts';
import { cloudPoints } from './sampleData.ts';
import type { Distribution } from './timing.ts';
import { type Contender, type TimedContender, timeInTurns } from './turns.ts';

/** Which searches to time. */
export interface BenchProductQuantizationParameters {
  /** Vectors to search in and coordinates of one; those of the input `points`, if there is one, are used in their place. */
  readonly points: number;
  readonly dimensions: number;
  /** Vectors to search for, in one batch: not among those searched in. */
  readonly queries: number;
  /** Nearest vectors to find. */
  readonly count: number;
  readonly subspaces: number;
  readonly bits: ProductBits;
  readonly trainingPoints?: number;
  /** Timed searches. */
  readonly runs: number;
  readonly seed: number;
}

interface TimedSearch {
  readonly name: string;
  readonly checked: true;
  /** The whole batch of queries, from queries in memory to results in memory. */
  readonly milliseconds: Distribution;
  readonly bytesPerPoint: number;
}

export interface BenchProductQuantizationReport {
  readonly adapter: Engine['info']['adapter'];
  readonly points: number;
  readonly dimensions: number;
  readonly queries: number;
  readonly count: number;
  readonly subspaces: number;
  readonly bits: ProductBits;
  readonly cases: readonly (TimedSearch & {
    readonly warmUps: 1;
    readonly trainMilliseconds: number;
    readonly encodeMilliseconds: number;
    /** Share of the queries whose nearest vector, by float64, is among the first 1, 10 and 100 found. */
    readonly recall: Readonly<Record<string, number>>;
  })[];
  /** Searches among all float32 vectors on the same GPU. */
  readonly peers: readonly TimedSearch[];
  /** How many times as fast as the peer product quantization is. */
  readonly ratios: readonly Ratio[];
}

const cloudCount = 1000;
const recallDepths = [1, 10, 100] as const;
const ownName = 'product quantization';

/** Times searches by product quantization and in float32, after checking both against float64. */
export const benchProductQuantization: Job<BenchProductQuantizationParameters, BenchProductQuantizationReport> = {
  name: 'benchProductQuantization',
  page: 'runtime.html',
  run: async (engine, parameters, context) => {
    const { inputs, onProgress, signal } = context;
    const { base, queries } = vectorsOf(parameters, inputs.points);
    const { runs, seed, subspaces, bits, trainingPoints } = parameters;
    const count = Math.min(parameters.count, base.rowCount);
    onProgress?.('training');
    const quantizer = new ProductQuantizer({ subspaces, bits, seed, ...(trainingPoints && { trainingPoints }) });
    const training = performance.now();
    const fit = await quantizer.fit(engine, base, signal ? { signal } : {});
    const encoding = performance.now();
    const held = fit.hold(await fit.encode(base));
    const ended = performance.now();
    const exact = new ExactSearch(engine, base);
    try {
      onProgress?.('check');
      await breathe();
      const nearest = nearestOf(base, queries);
      const own = async () => await fit.search(queries, held, { count });
      const found = await own();
      assertSearch(fit, queries, found, fit.decode(held));
      assertExact(base, queries, await exact.nearest(queries, count), nearest, count);
      const others = [
        { name: 'float32, products only', run: (): Promise<unknown> => exact.products(queries) },
        { name: 'float32, products and topK', run: () => exact.nearest(queries, count) },
      ];
      await exact.products(queries);
      const timed = await timeInTurns([{ name: ownName, run: own }], others, runs, context);
      const summary = ({ name, milliseconds }: TimedContender<Contender>, bytesPerPoint: number): TimedSearch => ({
        name,
        checked: true,
        milliseconds,
        bytesPerPoint,
      });
      const cases = timed.ours.map((entry) => ({
        ...summary(entry, fit.codeBytes),
        warmUps: 1 as const,
        trainMilliseconds: encoding - training,
        encodeMilliseconds: ended - encoding,
        recall: recallOf(found, nearest),
      }));
      const peers = timed.theirs.map((entry) => summary(entry, base.columnCount * 4));
      const ratios = peers.flatMap((peer) =>
        cases.map(({ name, milliseconds }) => ({
          case: name,
          peer: peer.name,
          ratio: peer.milliseconds.median / milliseconds.median,
        })),
      );
      return {
        report: {
          adapter: engine.info.adapter,
          points: base.rowCount,
          dimensions: base.columnCount,
          queries: queries.rowCount,
          count,
          subspaces,
          bits,
          cases,
          peers,
          ratios,
        },
      };
    } finally {
      exact.dispose();
      held.dispose();
    }
  },
};

/** Vectors to search in, and the last ones to search for. */
function vectorsOf(
  { points, dimensions, queries, seed }: BenchProductQuantizationParameters,
  file: Uint8Array | undefined,
): { readonly base: HostPoints; readonly queries: HostPoints } {
  const all = file
    ? pointsOf(file)
    : {
        data: cloudPoints(points + queries, dimensions, cloudCount, seed),
        rowCount: points + queries,
        columnCount: dimensions,
      };
  const { data, columnCount } = all;
  const queryCount = Math.min(queries, Math.floor(all.rowCount / 2));
  const rowCount = all.rowCount - queryCount;
  return {
    base: { data: data.slice(0, rowCount * columnCount), rowCount, columnCount },
    queries: { data: data.slice(rowCount * columnCount), rowCount: queryCount, columnCount },
  };
}

function squaredDistance(a: HostPoints, row: number, b: ArrayLike<number>, other: number): number {
  const { data, columnCount } = a;
  let sum = 0;
  for (let column = 0; column < columnCount; column++) {
    sum += ((data[row * columnCount + column] as number) - (b[other * columnCount + column] as number)) ** 2;
  }
  return sum;
}

/** The nearest vector of each query, in float64. */
function nearestOf(base: HostPoints, queries: HostPoints): Int32Array {
  return Int32Array.from({ length: queries.rowCount }, (_, query) => {
    let [best, least] = [0, Number.POSITIVE_INFINITY];
    for (let row = 0; row < base.rowCount; row++) {
      const squared = squaredDistance(queries, query, base.data, row);
      if (squared < least) [best, least] = [row, squared];
    }
    return best;
  });
}

function recallOf({ rows, count }: ProductNeighbours, nearest: Int32Array): Record<string, number> {
  const depths = recallDepths.filter((depth) => depth <= count);
  return Object.fromEntries(
    depths.map((depth) => {
      const hits = nearest.filter((row, query) => rows.subarray(query * count, query * count + depth).includes(row));
      return [`${depth}`, hits.length / nearest.length];
    }),
  );
}

/** Checks what was found for the first query against float64 distances to all decoded vectors. */
function assertSearch(
  { columnCount }: ProductQuantizerFit,
  queries: HostPoints,
  { rows, distances, count }: ProductNeighbours,
  decoded: Float64Array,
): void {
  const all = Array.from({ length: decoded.length / columnCount }, (_, row) =>
    squaredDistance(queries, 0, decoded, row),
  );
  const sorted = Float64Array.from(all).sort();
  for (let place = 0; place < count; place++) {
    const expected = Math.sqrt(sorted[place] ?? 0);
    const own = Math.sqrt(all[rows[place] ?? 0] ?? 0);
    const found = distances[place] ?? Number.NaN;
    if (Math.abs(found - expected) <= 1e-5 * expected && Math.abs(found - own) <= 1e-9 * own) continue;
    throw new Error(
      `The search is wrong: at place ${place} it found row ${rows[place]} at the distance ${found}; the codes say ${own}, and that place is at ${expected}.`,
    );
  }
}

/** Checks the peer's nearest vectors: as near as float64's, within the error of float32. */
function assertExact(
  base: HostPoints,
  queries: HostPoints,
  rows: Int32Array,
  nearest: Int32Array,
  count: number,
): void {
  for (let query = 0; query < queries.rowCount; query++) {
    const found = squaredDistance(queries, query, base.data, rows[query * count] ?? 0);
    const expected = squaredDistance(queries, query, base.data, nearest[query] ?? 0);
    if (found - expected <= 1e-3 * expected) continue;
    throw new Error(`The float32 search is wrong: query ${query} has a squared distance ${found}, not ${expected}.`);
  }
}

/** All distances by one product: |x|² − 2 q·x is (q, 1) · (−2x, |x|²), and differs from the squared distance by |q|². */
class ExactSearch {
  readonly #engine: Engine;
  readonly #vectors;
  readonly #mean: Float64Array;

  constructor(engine: Engine, { data, rowCount, columnCount }: HostPoints) {
    this.#engine = engine;
    this.#mean = Float64Array.from({ length: columnCount }, (_, column) => {
      let sum = 0;
      for (let index = column; index < data.length; index += columnCount) sum += data[index] as number;
      return sum / rowCount;
    });
    const transposed = new Float32Array((columnCount + 1) * rowCount);
    for (let row = 0; row < rowCount; row++) {
      let squared = 0;
      for (let column = 0; column < columnCount; column++) {
        const value = (data[row * columnCount + column] as number) - (this.#mean[column] as number);
        transposed[column * rowCount + row] = -2 * value;
        squared += value * value;
      }
      transposed[columnCount * rowCount + row] = squared;
    }
    this.#vectors = engine.tensor(transposed, [columnCount + 1, rowCount]);
  }

  #record({ data, rowCount, columnCount }: HostPoints) {
    const rows = new Float32Array(rowCount * (columnCount + 1)).fill(1);
    for (let index = 0; index < data.length; index++) {
      const column = index % columnCount;
      rows[Math.floor(index / columnCount) * (columnCount + 1) + column] =
        (data[index] as number) - (this.#mean[column] as number);
    }
    using queries = this.#engine.tensor(rows, [rowCount, columnCount + 1]);
    return matmul(this.#engine, queries, this.#vectors);
  }

  /** The distances alone, left on the GPU. */
  async products(queries: HostPoints): Promise<void> {
    using _products = this.#record(queries);
    await this.#engine.idle();
  }

  /** [queries, count]: the rows of the nearest vectors. */
  async nearest(queries: HostPoints, count: number): Promise<Int32Array> {
    using products = this.#record(queries);
    const { values, places } = topK(this.#engine, products, { axis: 1, count, largest: false });
    values.dispose();
    try {
      return await places.read();
    } finally {
      places.dispose();
    }
  }

  dispose(): void {
    this.#vectors.dispose();
  }
}
