import { commitOrVersion } from './checkout.ts';
import { type Command, perform, runtimeOption } from './command.ts';
import { type BenchSuiteReport, benchSuite, suiteSizes } from './jobs/benchSuite.ts';
import { formatDistribution, formatNumber, textTable } from './text.ts';
import { choiceOption, integerOption } from './usage.ts';

/** `cuanta bench suite`: checks and times everything once. */
export const benchSuiteCommand: Command = {
  name: 'bench suite',
  description: 'Check and time products, k-means and ranges at set sizes, in one table',
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
  run: async (_inputs, options, reporter) => {
    const parameters = {
      sizes: choiceOption(options, 'sizes', suiteSizes) ?? 'auto',
      runs: integerOption(options, 'runs', 1, 1000),
      seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
    };
    const { report, runtime } = await perform(benchSuite, parameters, reporter, { runtime: runtimeOption(options) });
    const { adapter, ...rest } = report;
    const document = { adapter, runtime, commit: commitOrVersion(), date: new Date().toISOString(), ...rest };
    reporter.result(document, () => describe(report));
  },
};

function describe({ matmul, kmeans, ranges }: BenchSuiteReport): string {
  const rows = [
    ...matmul.map(({ name, m, n, k, milliseconds, kernelMilliseconds, gops }) => ({
      cells: [name, `${m}×${k}·${k}×${n}`, formatDistribution(milliseconds)],
      kernel: kernelMilliseconds?.median,
      rate: `${formatNumber(gops)} GOPS`,
    })),
    ...kmeans.map(
      ({ name, points, dimensions, clusters, millisecondsPerIteration, kernelMilliseconds, iterations, gops }) => ({
        cells: [
          `${name}, an iteration`,
          `${points.toLocaleString('en')}×${dimensions}, ${clusters} clusters`,
          formatDistribution(millisecondsPerIteration),
        ],
        kernel: kernelMilliseconds && kernelMilliseconds.median / iterations,
        rate: `${formatNumber(gops)} GOPS`,
      }),
    ),
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
