import { benchmark, describeCases, growingOption, scalingOption } from './benchText.ts';
import type { Command } from './command.ts';
import { type BenchAgglomerativeReport, benchAgglomerative } from './jobs/benchAgglomerative.ts';
import { sizeText } from './jobs/clusterBench.ts';
import { formatDistribution, formatNumber } from './text.ts';
import { choiceOption, integerOption } from './usage.ts';

const linkages = ['ward', 'complete', 'average', 'single'] as const;
const largestPointCount = 200_000;

/** `cuanta bench agglomerative`: times hierarchical clustering as the number of points grows. */
export const benchAgglomerativeCommand: Command = {
  name: 'bench agglomerative',
  description: 'Time hierarchical clustering of generated points, after checking its last merge',
  options: [
    { name: '--points <list>', description: 'Numbers of points', default: '500,1000,2000' },
    { name: '--dimensions <list>', description: 'Numbers of coordinates of a point', default: '16' },
    scalingOption,
    { name: '--linkage <name>', description: `Distance of clusters: ${linkages.join(', ')}`, default: 'ward' },
    { name: '--runs <count>', description: 'Timed fits of each', default: 3 },
    { name: '--seed <integer>', description: 'Seed of the points', default: 1 },
    {
      name: '--peer-points <count>',
      description: 'Most points for ml-hclust on the CPU, timed in turns; 0 for none',
      default: 0,
    },
  ],
  example: 'bench agglomerative --points 500,1000,2000 --linkage ward --peer-points 500',
  run: (_inputs, options, reporter) => {
    const parameters = {
      points: growingOption(options, 'points', 2, largestPointCount),
      dimensions: growingOption(options, 'dimensions', 1, 4096),
      linkage: choiceOption(options, 'linkage', linkages) ?? 'ward',
      runs: integerOption(options, 'runs', 1, 1000),
      seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
      peerPoints: integerOption(options, 'peer-points', 0, largestPointCount),
    };
    return benchmark(benchAgglomerative, parameters, options, reporter, describe);
  },
};

function describe(report: BenchAgglomerativeReport): string {
  const header = ['linkage', 'size', 'milliseconds (min–max)', 'nanoseconds per pair'];
  return describeCases(report, header, (entry) => [
    sizeText(entry),
    formatDistribution(entry.milliseconds),
    formatNumber((entry.milliseconds.median * 1e6) / entry.points ** 2),
  ]);
}
