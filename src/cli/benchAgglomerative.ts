import { commitOrVersion } from './checkout.ts';
import { type Command, perform, runtimeOption } from './command.ts';
import { type BenchAgglomerativeReport, benchAgglomerative } from './jobs/benchAgglomerative.ts';
import { formatDistribution, formatNumber, textTable } from './text.ts';
import { choiceOption, integerOption, integersOption, type ParsedOptions } from './usage.ts';

const linkages = ['ward', 'complete', 'average', 'single'] as const;
const largestPointCount = 200_000;

/** `cuanta bench agglomerative`: times hierarchical clustering as the number of points grows. */
export const benchAgglomerativeCommand: Command = {
  name: 'bench agglomerative',
  description: 'Time hierarchical clustering of generated points, after checking its last merge',
  options: [
    { name: '--points <list>', description: 'Numbers of points', default: '500,1000,2000' },
    { name: '--dimensions <count>', description: 'Coordinates of a point', default: 16 },
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
  run: async (_inputs, options, reporter) => {
    const parameters = parametersOf(options);
    const { report, runtime } = await perform(benchAgglomerative, parameters, reporter, {
      runtime: runtimeOption(options),
    });
    const { adapter, ...rest } = report;
    reporter.result({ adapter, runtime, commit: commitOrVersion(), ...rest }, () => describe(report));
  },
};

function parametersOf(options: ParsedOptions) {
  return {
    points: integersOption(options, 'points', 2, largestPointCount),
    dimensions: integerOption(options, 'dimensions', 1, 4096),
    linkage: choiceOption(options, 'linkage', linkages) ?? 'ward',
    runs: integerOption(options, 'runs', 1, 1000),
    seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
    peerPoints: integerOption(options, 'peer-points', 0, largestPointCount),
  };
}

function describe({ cases, peers = [], ratios = [] }: BenchAgglomerativeReport): string {
  const rows = [...cases, ...peers].map((entry) => [
    entry.name,
    `${entry.points.toLocaleString('en')}×${entry.dimensions}`,
    formatDistribution(entry.milliseconds),
    formatNumber((entry.milliseconds.median * 1e6) / entry.points ** 2),
  ]);
  const header = ['linkage', 'size', 'milliseconds (min–max)', 'nanoseconds per pair'];
  const lines = ratios.map(
    ({ case: name, peer, ratio }) => `${name} is ${formatNumber(ratio)} times as fast as ${peer}`,
  );
  return [textTable(header, rows), ...lines].join('\n');
}
