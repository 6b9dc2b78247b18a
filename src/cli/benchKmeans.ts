import { benchmark, describeCases, growingOption, scalingOption } from './benchText.ts';
import type { Command } from './command.ts';
import { type BenchKmeansReport, benchKmeans } from './jobs/benchKmeans.ts';
import { sizesOf, sizeText } from './jobs/clusterBench.ts';
import { formatDistribution, formatNumber } from './text.ts';
import { choiceOption, integerOption, magnitudeOption, type ParsedOptions, UsageError } from './usage.ts';

/** Coordinates of all points: 1 GiB of float32. */
const largestData = 2 ** 28;

const precisions = ['f32', 'int8'] as const;

/** `cuanta bench kmeans`: times k-means as points, dimensions and clusters grow. */
export const benchKmeansCommand: Command = {
  name: 'bench kmeans',
  description: 'Time k-means on generated points, after checking it against float64',
  options: [
    { name: '--points <list>', description: 'Numbers of points', default: '100000' },
    { name: '--dimensions <list>', description: 'Numbers of coordinates of a point', default: '16' },
    { name: '--clusters <list>', description: 'Numbers of clusters', default: '64' },
    scalingOption,
    { name: '--iterations <count>', description: 'Rounds of assignment and update in a fit', default: 5 },
    { name: '--runs <count>', description: 'Timed fits of each case', default: 3 },
    { name: '--seed <integer>', description: 'Seed of the points', default: 1 },
    { name: '--skew <share>', description: 'Share of the points, from 0 to 1, that lies in one cloud', default: 0 },
    {
      name: '--precision <kind>',
      description: `${precisions.join(', ')}; int8 is timed in turns with f32`,
      default: 'f32',
    },
    {
      name: '--peers',
      description: 'Time ml-kmeans in turns with ours, and in Chrome operations of TensorFlow.js on WebGPU too',
    },
    {
      name: '--peer-iterations <count>',
      description: 'Rounds of the peers, which take seconds each on SwiftShader; as --iterations unless given',
    },
  ],
  example: 'bench kmeans --points 100000 --dimensions 16 --clusters 64 --iterations 5 --peers',
  run: (_inputs, options, reporter) => benchmark(benchKmeans, parametersOf(options), options, reporter, describe),
};

function parametersOf(options: ParsedOptions) {
  const points = growingOption(options, 'points', 1, largestData);
  const dimensions = growingOption(options, 'dimensions', 1, 65_536);
  const clusters = growingOption(options, 'clusters', 1, Math.min(...points));
  for (const size of sizesOf({ points, dimensions, clusters })) {
    const coordinates = size.points * size.dimensions;
    if (coordinates > largestData) {
      throw new UsageError(
        `--points ${size.points} and --dimensions ${size.dimensions} make ${coordinates.toLocaleString('en')} coordinates; at most ${largestData.toLocaleString('en')} are benchmarked.`,
      );
    }
  }
  const skew = magnitudeOption(options, 'skew');
  if (skew > 1) throw new UsageError(`--skew is "${skew}"; it takes a share from 0 to 1.`);
  return {
    points,
    dimensions,
    clusters,
    skew,
    iterations: integerOption(options, 'iterations', 1, 10_000),
    runs: integerOption(options, 'runs', 1, 1000),
    seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
    peers: options.peers === true,
    ...(options.peerIterations !== undefined && {
      peerIterations: integerOption(options, 'peer-iterations', 1, 10_000),
    }),
    precision: choiceOption(options, 'precision', precisions) ?? 'f32',
  };
}

function describe(report: BenchKmeansReport): string {
  const header = ['k-means', 'size', 'iterations', 'milliseconds per iteration (min–max)', 'GOPS'];
  const table = describeCases(report, header, (entry) => [
    sizeText(entry),
    `${entry.iterations}`,
    formatDistribution(entry.millisecondsPerIteration),
    formatNumber(entry.gops),
  ]);
  const shares = report.cases.flatMap(({ name, recheckShare, gaveUp }) =>
    recheckShare === undefined
      ? []
      : [`${name} left ${formatNumber(100 * recheckShare)} % of the points to f32${gaveUp ? ' and was given up' : ''}`],
  );
  return [table, ...shares].join('\n');
}
