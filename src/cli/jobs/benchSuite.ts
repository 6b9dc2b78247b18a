import type { Engine } from '../../gpu/engine.ts';
import { type BenchKmeansReport, benchKmeans } from './benchKmeans.ts';
import { type BenchMatmulReport, matmulTypes, runBenchMatmul } from './benchMatmul.ts';
import { benchRanges, type TimedRanges } from './benchRanges.ts';
import type { Job } from './job.ts';

/** How much to time. */
export interface BenchSuiteParameters {
  /** Timed runs of each case. */
  readonly runs: number;
  /** Seed of all operands. */
  readonly seed: number;
  /** `auto` takes the small sizes where shaders run on the CPU, the large ones on a GPU. */
  readonly sizes: (typeof suiteSizes)[number];
}

/** Sets of problem sizes. */
export const suiteSizes = ['auto', 'tiny', 'small', 'large'] as const;

export interface BenchSuiteReport {
  readonly adapter: Engine['info']['adapter'];
  readonly software: boolean;
  readonly dotPath: Engine['dotPath'];
  readonly sizes: keyof typeof sizesOf;
  readonly matmul: BenchMatmulReport['cases'];
  readonly kmeans: BenchKmeansReport['cases'];
  readonly ranges: readonly TimedRanges[];
}

interface Sizes {
  /** [M, K, N] of products. */
  readonly matmul: readonly (readonly [number, number, number])[];
  /** [points, dimensions, clusters]. */
  readonly kmeans: readonly (readonly [number, number, number])[];
  /** Elements to find the range of. */
  readonly ranges: readonly number[];
}

const sizesOf: Readonly<Record<'tiny' | 'small' | 'large', Sizes>> = {
  // To see that everything works; the times say nothing.
  tiny: {
    matmul: [
      [1, 64, 64],
      [64, 64, 64],
    ],
    kmeans: [[1000, 4, 8]],
    ranges: [1 << 12],
  },
  small: {
    matmul: [
      [1, 1024, 1024],
      [256, 256, 256],
      [512, 512, 512],
    ],
    kmeans: [[100_000, 16, 64]],
    ranges: [1 << 22],
  },
  large: {
    matmul: [
      [1, 8192, 8192],
      [1024, 1024, 1024],
      [4096, 4096, 4096],
    ],
    kmeans: [
      [1_000_000, 16, 64],
      [1_000_000, 128, 1024],
    ],
    ranges: [1 << 28],
  },
};

const iterationsOfFit = 10;

/** Checks and times every kind of kernel: products, k-means, ranges. */
export const benchSuite: Job<BenchSuiteParameters, BenchSuiteReport> = {
  name: 'benchSuite',
  page: 'bench/',
  run: async (engine, { runs, seed, sizes: asked }, context) => {
    const { adapter, software, dotPath } = engine.info;
    const chosen = asked === 'auto' ? (software ? 'small' : 'large') : asked;
    const sizes = sizesOf[chosen];
    const matmul: BenchMatmulReport['cases'][number][] = [];
    for (const [m, k, n] of sizes.matmul) {
      const parameters = { m, n, k, types: matmulTypes, runs, seed, peers: false };
      matmul.push(...(await runBenchMatmul(engine, parameters, context)).report.cases);
    }
    const kmeans: BenchKmeansReport['cases'][number][] = [];
    for (const [points, dimensions, clusters] of sizes.kmeans) {
      const parameters = { points, dimensions, clusters, iterations: iterationsOfFit, runs, seed, peers: false };
      kmeans.push(...(await benchKmeans.run(engine, parameters, context)).report.cases);
    }
    const ranges: TimedRanges[] = [];
    for (const elements of sizes.ranges) ranges.push(await benchRanges(engine, { elements, runs, seed }, context));
    return { report: { adapter, software, dotPath, sizes: chosen, matmul, kmeans, ranges } };
  },
};
