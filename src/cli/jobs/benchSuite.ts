import type { Engine } from '../../gpu/engine.ts';
import { type BenchAgglomerativeReport, benchAgglomerative } from './benchAgglomerative.ts';
import { type BenchDbscanReport, benchDbscan } from './benchDbscan.ts';
import { type BenchGaussianMixtureReport, benchGaussianMixture } from './benchGaussianMixture.ts';
import { type BenchKmeansReport, benchKmeans } from './benchKmeans.ts';
import { type BenchMatmulReport, matmulTypes, runBenchMatmul } from './benchMatmul.ts';
import { type BenchProductQuantizationReport, benchProductQuantization } from './benchProductQuantization.ts';
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
  readonly gaussianMixture: BenchGaussianMixtureReport['cases'];
  readonly dbscan: BenchDbscanReport['cases'];
  readonly agglomerative: BenchAgglomerativeReport['cases'];
  readonly productQuantization: readonly (BenchProductQuantizationReport['cases'][number] &
    Pick<BenchProductQuantizationReport, 'points' | 'dimensions' | 'queries' | 'subspaces'>)[];
  readonly ranges: readonly TimedRanges[];
}

interface Sizes {
  /** [M, K, N] of products. */
  readonly matmul: readonly (readonly [number, number, number])[];
  /** [points, dimensions, clusters]. */
  readonly kmeans: readonly (readonly [number, number, number])[];
  /** [points, dimensions, components], full covariances. */
  readonly gaussianMixture: readonly (readonly [number, number, number])[];
  /** [points, dimensions]. */
  readonly dbscan: readonly (readonly [number, number])[];
  /** [points, dimensions], Ward's linkage. */
  readonly agglomerative: readonly (readonly [number, number])[];
  /** [vectors, dimensions, codes of 8 bits], searched for 100 vectors at a time. */
  readonly productQuantization: readonly (readonly [number, number, number])[];
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
    gaussianMixture: [[1000, 3, 2]],
    dbscan: [[500, 2]],
    agglomerative: [[100, 4]],
    productQuantization: [[400, 4, 2]],
    ranges: [1 << 12],
  },
  small: {
    matmul: [
      [1, 1024, 1024],
      [256, 256, 256],
      [512, 512, 512],
    ],
    kmeans: [[100_000, 16, 64]],
    gaussianMixture: [[10_000, 16, 16]],
    dbscan: [
      [16_000, 2],
      [4000, 8],
    ],
    agglomerative: [[1000, 16]],
    productQuantization: [[10_000, 16, 4]],
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
    gaussianMixture: [[1_000_000, 16, 16]],
    dbscan: [
      [1_000_000, 2],
      [100_000, 16],
    ],
    agglomerative: [[10_000, 16]],
    productQuantization: [[100_000, 64, 16]],
    ranges: [1 << 28],
  },
};

/** Rounds of k-means and of mixtures. */
const iterationsOfFit = 10;

/** Checks and times every kind of work: products, clustering, ranges. */
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
    const common = { runs, seed, peers: false, iterations: iterationsOfFit } as const;
    const kmeans: BenchKmeansReport['cases'][number][] = [];
    for (const [points, dimensions, clusters] of sizes.kmeans) {
      const size = { points: [points], dimensions: [dimensions], clusters: [clusters] };
      kmeans.push(...(await benchKmeans.run(engine, { ...size, ...common, precision: 'int8' }, context)).report.cases);
    }
    const gaussianMixture: BenchGaussianMixtureReport['cases'][number][] = [];
    for (const [points, dimensions, components] of sizes.gaussianMixture) {
      const size = {
        points: [points],
        dimensions: [dimensions],
        components: [components],
        covariance: 'full',
      } as const;
      gaussianMixture.push(...(await benchGaussianMixture.run(engine, { ...size, ...common }, context)).report.cases);
    }
    const dbscan: BenchDbscanReport['cases'][number][] = [];
    for (const [points, dimensions] of sizes.dbscan) {
      const size = { points: [points], dimensions: [dimensions], minimumPoints: 5 };
      dbscan.push(...(await benchDbscan.run(engine, { ...size, ...common }, context)).report.cases);
    }
    const agglomerative: BenchAgglomerativeReport['cases'][number][] = [];
    for (const [points, dimensions] of sizes.agglomerative) {
      const size = { points: [points], dimensions: [dimensions], linkage: 'ward', peerPoints: 0 } as const;
      agglomerative.push(...(await benchAgglomerative.run(engine, { ...size, ...common }, context)).report.cases);
    }
    const productQuantization: BenchSuiteReport['productQuantization'][number][] = [];
    for (const [points, dimensions, subspaces] of sizes.productQuantization) {
      const size = { points, dimensions, subspaces, queries: 100, count: 100, bits: 8 } as const;
      const { report } = await benchProductQuantization.run(engine, { ...size, runs, seed }, context);
      const { queries } = report;
      productQuantization.push(...report.cases.map((entry) => ({ ...entry, points, dimensions, queries, subspaces })));
    }
    const ranges: TimedRanges[] = [];
    for (const elements of sizes.ranges) ranges.push(await benchRanges(engine, { elements, runs, seed }, context));
    const clustering = { kmeans, gaussianMixture, dbscan, agglomerative, productQuantization };
    return { report: { adapter, software, dotPath, sizes: chosen, matmul, ...clustering, ranges } };
  },
};
