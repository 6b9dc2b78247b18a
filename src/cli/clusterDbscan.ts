import { type Command, perform, runtimeOption } from './command.ts';
import { type ClusterDbscanReport, clusterDbscan } from './jobs/clusterDbscan.ts';
import { ArrayOutputs, columnsOption, headerOption, labelsOption, readPointFile, sizesTable } from './pointFiles.ts';
import { formatNumber } from './text.ts';
import { integerOption, magnitudeOption, type ParsedOptions, textOption, UsageError } from './usage.ts';

/** `cuanta cluster dbscan`: clusters the points of a file by density. */
export const clusterDbscanCommand: Command = {
  name: 'cluster dbscan',
  arguments: '<file>',
  description: 'Cluster the rows of a .csv, .npy or .parquet file by density (DBSCAN)',
  options: [
    { name: '--epsilon <distance>', description: 'Largest distance of neighbours; 0.5 unless given' },
    { name: '--suggest-epsilon', description: 'Choose it by the knee of the distances to neighbours' },
    { name: '--min-points <count>', description: 'Neighbours of a core point, itself included', default: 5 },
    columnsOption,
    headerOption,
    labelsOption,
  ],
  example: 'cluster dbscan points.csv --epsilon 0.5 --min-points 5 --columns 0-3 --labels labels.npy --json',
  run: async ([file = ''], options, reporter) => {
    const parameters = hyperparametersOf(options);
    const runtime = runtimeOption(options);
    const outputs = new ArrayOutputs(options, ['labels']);
    const points = await readPointFile(file, options);
    outputs.assertWritable(file);
    const { report, files } = await perform(clusterDbscan, { ...parameters, files: outputs.names }, reporter, {
      runtime,
      inputs: { points },
    });
    outputs.write(files);
    reporter.result(report, () => describe(report, outputs));
  },
};

function hyperparametersOf(options: ParsedOptions) {
  const given = textOption(options, 'epsilon') !== undefined;
  const suggested = options.suggestEpsilon === true;
  if (given && suggested) {
    throw new UsageError('--epsilon and --suggest-epsilon are both given; take one of them.');
  }
  const epsilon = given ? magnitudeOption(options, 'epsilon') : 0.5;
  if (epsilon === 0) throw new UsageError('--epsilon is "0"; it takes a number above 0.');
  const minimumPoints = integerOption(options, 'min-points', suggested ? 2 : 1, suggested ? 65 : 2 ** 31 - 1);
  return { epsilon: suggested ? ('suggest' as const) : epsilon, minimumPoints };
}

function describe(report: ClusterDbscanReport, outputs: ArrayOutputs<string>): string {
  const { epsilon, clusters, noise, core, sizes, labelsSha256 } = report;
  const total = sizes.reduce((sum, size) => sum + size, noise);
  return [
    sizesTable(sizes, total),
    `epsilon     ${epsilon}`,
    `clusters    ${clusters}`,
    `core        ${core.toLocaleString('en')} points`,
    `noise       ${noise.toLocaleString('en')} points, ${formatNumber((100 * noise) / total)} %`,
    `SHA-256     ${labelsSha256} (of the labels)`,
    ...outputs.describe(),
  ].join('\n');
}
