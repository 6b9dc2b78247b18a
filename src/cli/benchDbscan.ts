import { benchmark, describeCases, growingOption, scalingOption } from './benchText.ts';
import type { Command } from './command.ts';
import { type BenchDbscanReport, benchDbscan } from './jobs/benchDbscan.ts';
import { formatDistribution, formatNumber } from './text.ts';
import { integerOption } from './usage.ts';

/** `cuanta bench dbscan`: times DBSCAN as points and dimensions grow. */
export const benchDbscanCommand: Command = {
  name: 'bench dbscan',
  description: 'Time DBSCAN on generated points, after checking it against float64',
  options: [
    { name: '--points <list>', description: 'Numbers of points', default: '4000,16000,64000' },
    { name: '--dimensions <list>', description: 'Numbers of coordinates of a point', default: '2,3,8' },
    scalingOption,
    { name: '--min-points <count>', description: 'Neighbours of a core point, itself included', default: 5 },
    { name: '--runs <count>', description: 'Timed fits of each case', default: 3 },
    { name: '--seed <integer>', description: 'Seed of the points', default: 1 },
    { name: '--peers', description: 'Time density-clustering on the CPU in turns with ours' },
  ],
  example: 'bench dbscan --points 1000,2000,4000 --dimensions 2,8 --peers',
  run: (_inputs, options, reporter) => {
    const parameters = {
      points: growingOption(options, 'points', 100, 2 ** 26),
      dimensions: growingOption(options, 'dimensions', 1, 1024),
      minimumPoints: integerOption(options, 'min-points', 2, 65),
      runs: integerOption(options, 'runs', 1, 1000),
      seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
      peers: options.peers === true,
    };
    return benchmark(benchDbscan, parameters, options, reporter, describe);
  },
};

function describe(report: BenchDbscanReport): string {
  const header = ['DBSCAN', 'size', 'epsilon', 'clusters', 'noise', 'milliseconds (min–max)', 'for 1,000 points'];
  return describeCases(report, header, (entry) => [
    `${entry.points.toLocaleString('en')}×${entry.dimensions}`,
    formatNumber(entry.epsilon),
    `${entry.clusters}`,
    `${entry.noise}`,
    formatDistribution(entry.milliseconds),
    formatNumber(entry.millisecondsPerThousandPoints),
  ]);
}
