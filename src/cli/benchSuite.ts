import { benchmark } from './benchText.ts';
import type { Command } from './command.ts';
import { type BenchSuiteReport, benchSuite, suiteSizes } from './jobs/benchSuite.ts';
import { sizeText } from './jobs/clusterBench.ts';
import type { Distribution } from './jobs/timing.ts';
import { formatDistribution, formatNumber, textTable } from './text.ts';
import { choiceOption, integerOption } from './usage.ts';

/** `cuanta bench suite`: checks and times everything once. */
export const benchSuiteCommand: Command = {
  name: 'bench suite',
  description: 'Check and time products, clustering and ranges at set sizes, in one table',
  options: [
    {
      name: '--sizes <set>',
      description: `Sizes: ${suiteSizes.join(', ')}; tiny ones only show that everything works`,
      default: 'auto',
    },
    { name: '--runs <count>', description: 'Timed runs of each case', default: 5 },
    { name: '--seed <integer>', description: 'Seed of the operands', default: 1 },
  ],
  example: 'bench suite --runtime dawn --json > results.json',
  run: (_inputs, options, reporter) => {
    const parameters = {
      sizes: choiceOption(options, 'sizes', suiteSizes) ?? 'auto',
      runs: integerOption(options, 'runs', 1, 1000),
      seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
    };
    return benchmark(benchSuite, parameters, options, reporter, describe);
  },
};

/** Points over the median time. */
function pointRate({ points }: { readonly points: number }, { median }: Distribution): string {
  return `${formatNumber((points * 1000) / median)} points/s`;
}

function describe(report: BenchSuiteReport): string {
  const { matmul, kmeans, gaussianMixture, dbscan, agglomerative, productQuantization, ranges } = report;
  const rows = [
    ...matmul.map(({ name, m, n, k, milliseconds, kernelMilliseconds, gops }) => ({
      cells: [name, `${m}×${k}·${k}×${n}`, formatDistribution(milliseconds)],
      kernel: kernelMilliseconds?.median,
      rate: `${formatNumber(gops)} GOPS`,
    })),
    ...[...kmeans, ...gaussianMixture].map((entry) => ({
      cells: [`${entry.name}, an iteration`, sizeText(entry), formatDistribution(entry.millisecondsPerIteration)],
      kernel: entry.kernelMilliseconds && entry.kernelMilliseconds.median / entry.iterations,
      rate: 'gops' in entry ? `${formatNumber(entry.gops)} GOPS` : pointRate(entry, entry.millisecondsPerIteration),
    })),
    ...[...dbscan, ...agglomerative].map((entry) => ({
      cells: [
        entry.name,
        `${entry.points.toLocaleString('en')}×${entry.dimensions}`,
        formatDistribution(entry.milliseconds),
      ],
      kernel: entry.kernelMilliseconds?.median,
      rate: pointRate(entry, entry.milliseconds),
    })),
    ...productQuantization.map(({ name, points, dimensions, queries, subspaces, milliseconds }) => ({
      cells: [
        `${name}, ${queries} queries`,
        `${points.toLocaleString('en')}×${dimensions}, ${subspaces} codes`,
        formatDistribution(milliseconds),
      ],
      kernel: undefined,
      rate: `${formatNumber((queries * 1000) / milliseconds.median)} queries/s`,
    })),
    ...ranges.map(({ name, elements, milliseconds, kernelMilliseconds, gigabytesPerSecond }) => ({
      cells: [name, `${elements.toLocaleString('en')} elements`, formatDistribution(milliseconds)],
      kernel: kernelMilliseconds?.median,
      rate: `${formatNumber(gigabytesPerSecond)} GB/s`,
    })),
  ];
  return textTable(
    ['checked and timed', 'size', 'milliseconds (min–max)', 'kernels ms', 'rate'],
    rows.map(({ cells, kernel, rate }) => [...cells, kernel == null ? '–' : formatNumber(kernel), rate]),
  );
}
