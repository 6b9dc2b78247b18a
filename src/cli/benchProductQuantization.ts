import { benchmark } from './benchText.ts';
import { bitsOption } from './clusterProductQuantization.ts';
import type { Command } from './command.ts';
import { type BenchProductQuantizationReport, benchProductQuantization } from './jobs/benchProductQuantization.ts';
import { readPointFile } from './pointFiles.ts';
import { formatDistribution, formatNumber, ratioLines, textTable } from './text.ts';
import { integerOption, type ParsedOptions, textOption } from './usage.ts';

/** `cuanta bench product-quantization`: times searches among codes and among the vectors themselves. */
export const benchProductQuantizationCommand: Command = {
  name: 'bench product-quantization',
  description: 'Time nearest-neighbour search by product quantization and in float32, with its recall',
  options: [
    { name: '--points <count>', description: 'Generated vectors to search in, in clouds', default: 20_000 },
    { name: '--dimensions <count>', description: 'Coordinates of a vector', default: 32 },
    { name: '--vectors <file>', description: 'Use the rows of this .npy, .csv or .parquet file, the last as queries' },
    { name: '--queries <count>', description: 'Vectors to search for at a time', default: 100 },
    { name: '--count <count>', description: 'Nearest vectors to find', default: 100 },
    { name: '--subspaces <count>', description: 'Codes of a vector', default: 8 },
    { name: '--bits <bits>', description: 'Bits of a code: 8 or 4', default: 8 },
    { name: '--training-points <count>', description: 'Most vectors to train with; 256 a codeword unless given' },
    { name: '--runs <count>', description: 'Timed searches of each', default: 5 },
    { name: '--seed <integer>', description: 'Seed of the vectors and of training', default: 1 },
  ],
  example: 'bench product-quantization --points 100000 --dimensions 64 --subspaces 16',
  run: async (_inputs, options, reporter) => {
    const parameters = parametersOf(options);
    const file = textOption(options, 'vectors');
    const points = file === undefined ? undefined : await readPointFile(file, {});
    const inputs = points ? { points } : {};
    await benchmark(benchProductQuantization, parameters, options, reporter, describe, { inputs });
  },
};

function parametersOf(options: ParsedOptions) {
  const training = options.trainingPoints;
  return {
    points: integerOption(options, 'points', 16, 10_000_000),
    dimensions: integerOption(options, 'dimensions', 1, 65_536),
    queries: integerOption(options, 'queries', 1, 100_000),
    count: integerOption(options, 'count', 1, 128),
    subspaces: integerOption(options, 'subspaces', 1, 65_536),
    bits: bitsOption(options),
    ...(training !== undefined && { trainingPoints: integerOption(options, 'training-points', 16, 2 ** 31 - 1) }),
    runs: integerOption(options, 'runs', 1, 1000),
    seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
  };
}

function describe(report: BenchProductQuantizationReport): string {
  const { points, dimensions, queries, count, subspaces, bits, cases, peers, ratios } = report;
  const rows = [...cases, ...peers].map(({ name, milliseconds, bytesPerPoint }) => [
    name,
    formatDistribution(milliseconds),
    formatNumber((milliseconds.median / queries) * 1000),
    `${bytesPerPoint}`,
  ]);
  const trained = cases.flatMap(({ trainMilliseconds, encodeMilliseconds, recall }) => [
    `trained in ${formatNumber(trainMilliseconds)} ms, encoded in ${formatNumber(encodeMilliseconds)} ms`,
    ...Object.entries(recall).map(
      ([depth, share]) =>
        `recall@${depth}: ${formatNumber(100 * share)} % of the nearest vectors are among the first ${depth}`,
    ),
  ]);
  return [
    `${points.toLocaleString('en')}×${dimensions}, ${queries} queries for ${count} vectors, ${subspaces} codes of ${bits} bits`,
    textTable(['search', 'milliseconds (min–max)', 'microseconds a query', 'bytes a vector'], rows),
    ...trained,
    ...ratioLines(ratios),
  ].join('\n');
}
