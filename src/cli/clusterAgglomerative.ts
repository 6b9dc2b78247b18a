import { type Command, perform, runtimeOption } from './command.ts';
import { type ClusterAgglomerativeReport, clusterAgglomerative } from './jobs/clusterAgglomerative.ts';
import { ArrayOutputs, columnsOption, headerOption, labelsOption, readPointFile, sizesTable } from './pointFiles.ts';
import { formatNumber } from './text.ts';
import { choiceOption, integerOption, magnitudeOption, type ParsedOptions, UsageError } from './usage.ts';

const linkages = ['ward', 'complete', 'average', 'single'] as const;
const defaultClusters = 2;

/** `cuanta cluster agglomerative`: clusters the points of a file from single points upwards. */
export const clusterAgglomerativeCommand: Command = {
  name: 'cluster agglomerative',
  arguments: '<file>',
  description: 'Cluster the rows of a .csv, .npy or .parquet file by a hierarchy of merges',
  options: [
    { name: '--clusters <count>', description: `Clusters to cut it into; ${defaultClusters} unless given` },
    { name: '--height <distance>', description: 'Cut it at this height instead' },
    { name: '--linkage <name>', description: `Distance of clusters: ${linkages.join(', ')}`, default: 'ward' },
    { name: '--preclusters <count>', description: 'Bring the points to so many clusters by k-means first' },
    { name: '--seed <integer>', description: 'Seed of that k-means', default: 0 },
    columnsOption,
    headerOption,
    labelsOption,
    { name: '--linkage-matrix <file.npy>', description: 'Write the merges there, as SciPy’s linkage (float64)' },
  ],
  example: 'cluster agglomerative points.csv --clusters 3 --linkage ward --columns 0-3 --labels labels.npy --json',
  run: async ([file = ''], options, reporter) => {
    const parameters = hyperparametersOf(options);
    const runtime = runtimeOption(options);
    const outputs = new ArrayOutputs(options, ['labels', 'linkage-matrix']);
    const points = await readPointFile(file, options);
    outputs.assertWritable(file);
    const { report, files } = await perform(clusterAgglomerative, { ...parameters, files: outputs.names }, reporter, {
      runtime,
      inputs: { points },
    });
    outputs.write(files);
    reporter.result(report, () => describe(report, outputs));
  },
};

function hyperparametersOf(options: ParsedOptions) {
  const largest = 2 ** 31 - 1;
  if (options.clusters !== undefined && options.height !== undefined) {
    throw new UsageError('--clusters and --height are both given; cut by one of them.');
  }
  const cut =
    options.height === undefined
      ? { clusters: options.clusters === undefined ? defaultClusters : integerOption(options, 'clusters', 1, largest) }
      : { height: magnitudeOption(options, 'height') };
  return {
    ...cut,
    linkage: choiceOption(options, 'linkage', linkages) ?? 'ward',
    ...(options.preclusters !== undefined && { preclusters: integerOption(options, 'preclusters', 1, largest) }),
    seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
  };
}

function describe(report: ClusterAgglomerativeReport, outputs: ArrayOutputs<string>): string {
  return [
    sizesTable(report.sizes),
    `linkage     ${report.linkage}`,
    ...(report.merges.length > 0
      ? [`merges      ${report.merges.map(formatNumber).join(', ')} (the greatest heights)`]
      : []),
    `SHA-256     ${report.labelsSha256} (of the labels)`,
    ...outputs.describe(),
  ].join('\n');
}
