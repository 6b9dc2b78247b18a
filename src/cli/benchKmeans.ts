import { commitOrVersion } from './checkout.ts';
import { type Command, perform, runtimeOption } from './command.ts';
import { type BenchKmeansReport, benchKmeans } from './jobs/benchKmeans.ts';
import { formatDistribution, formatNumber, textTable } from './text.ts';
import { choiceOption, integerOption, type ParsedOptions, UsageError } from './usage.ts';

/** Coordinates of all points: 1 GiB of float32. */
const largestData = 2 ** 28;

const precisions = ['f32', 'int8'] as const;

/** `cuanta bench kmeans`: times k-means. */
export const benchKmeansCommand: Command = {
  name: 'bench kmeans',
  description: 'Time k-means on generated points, after checking it against float64',
  options: [
    { name: '--points <count>', description: 'Points', default: 100_000 },
    { name: '--dimensions <count>', description: 'Coordinates of a point', default: 16 },
    { name: '--clusters <count>', description: 'Clusters', default: 64 },
    { name: '--iterations <count>', description: 'Rounds of assignment and update in a fit', default: 5 },
    { name: '--runs <count>', description: 'Timed fits', default: 3 },
    { name: '--seed <integer>', description: 'Seed of the points', default: 1 },
    {
      name: '--precision <kind>',
      description: `${precisions.join(', ')}; int8 is timed in turns with f32`,
      default: 'f32',
    },
    { name: '--peers', description: 'Time ml-kmeans on the CPU in turns with ours' },
  ],
  example: 'bench kmeans --points 100000 --dimensions 16 --clusters 64 --iterations 5 --peers',
  run: async (_inputs, options, reporter) => {
    const parameters = parametersOf(options);
    const { report, runtime } = await perform(benchKmeans, parameters, reporter, { runtime: runtimeOption(options) });
    const { adapter, ...rest } = report;
    reporter.result({ adapter, runtime, commit: commitOrVersion(), ...rest }, () => describe(report));
  },
};

function parametersOf(options: ParsedOptions) {
  const points = integerOption(options, 'points', 1, largestData);
  const dimensions = integerOption(options, 'dimensions', 1, 65_536);
  if (points * dimensions > largestData) {
    throw new UsageError(
      `--points ${points} and --dimensions ${dimensions} make ${(points * dimensions).toLocaleString('en')} coordinates; at most ${largestData.toLocaleString('en')} are benchmarked.`,
    );
  }
  return {
    points,
    dimensions,
    clusters: integerOption(options, 'clusters', 1, points),
    iterations: integerOption(options, 'iterations', 1, 10_000),
    runs: integerOption(options, 'runs', 1, 1000),
    seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
    peers: options.peers === true,
    precision: choiceOption(options, 'precision', precisions) ?? 'f32',
  };
}

function describe({ cases, peers = [], ratios = [] }: BenchKmeansReport): string {
  const rows = [...cases, ...peers].map((entry) => [
    entry.name,
    `${entry.points.toLocaleString('en')}×${entry.dimensions}, ${entry.clusters} clusters`,
    `${entry.iterations}`,
    formatDistribution(entry.millisecondsPerIteration),
    formatNumber(entry.gops),
  ]);
  const header = ['k-means', 'size', 'iterations', 'milliseconds per iteration (min–max)', 'GOPS'];
  const lines = ratios.map(
    ({ case: name, peer, ratio }) => `${name} is ${formatNumber(ratio)} times as fast as ${peer}`,
  );
  const shares = cases.flatMap(({ name, recheckShare, gaveUp }) =>
    recheckShare === undefined
      ? []
      : [`${name} left ${formatNumber(100 * recheckShare)} % of the points to f32${gaveUp ? ' and was given up' : ''}`],
  );
  return [textTable(header, rows), ...shares, ...lines].join('\n');
}
