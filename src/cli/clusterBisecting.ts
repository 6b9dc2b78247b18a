import { type Command, perform, runtimeOption } from './command.ts';
import { clusterBisecting } from './jobs/clusterBisecting.ts';
import { centroidsOption, describeKmeans } from './kmeansText.ts';
import { ArrayOutputs, columnsOption, headerOption, labelsOption, readPointFile } from './pointFiles.ts';
import { choiceOption, integerOption, magnitudeOption } from './usage.ts';

const initializations = ['k-means++', 'random'] as const;
const strategies = ['biggest-inertia', 'largest-cluster'] as const;

/** `cuanta cluster bisecting`: clusters the points of a file by splitting one cluster after the other. */
export const clusterBisectingCommand: Command = {
  name: 'cluster bisecting',
  arguments: '<file>',
  description: 'Cluster the rows of a .csv, .npy or .parquet file by bisecting k-means',
  options: [
    { name: '--clusters <count>', description: 'Clusters', default: 8 },
    { name: '--strategy <name>', description: `Which to split: ${strategies.join(', ')}`, default: 'biggest-inertia' },
    {
      name: '--init <way>',
      description: `First centroids of a split: ${initializations.join(', ')}`,
      default: 'k-means++',
    },
    { name: '--starts <count>', description: 'Starts of each split, of which the best is kept', default: 1 },
    { name: '--tolerance <share>', description: 'Centroid shift² that ends a split, in mean variances', default: 1e-4 },
    { name: '--max-iterations <count>', description: 'Most rounds of a split', default: 300 },
    { name: '--seed <integer>', description: 'Seed of the first centroids', default: 0 },
    columnsOption,
    headerOption,
    labelsOption,
    centroidsOption,
  ],
  example: 'cluster bisecting points.npy --clusters 16 --labels labels.npy --json',
  run: async ([file = ''], options, reporter) => {
    const parameters = {
      clusters: integerOption(options, 'clusters', 1, 2 ** 31 - 1),
      strategy: choiceOption(options, 'strategy', strategies) ?? 'biggest-inertia',
      init: choiceOption(options, 'init', initializations) ?? 'k-means++',
      starts: integerOption(options, 'starts', 1, 10_000),
      tolerance: magnitudeOption(options, 'tolerance'),
      maximumIterations: integerOption(options, 'max-iterations', 1, 2 ** 31 - 1),
      seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
    };
    const runtime = runtimeOption(options);
    const outputs = new ArrayOutputs(options, ['labels', 'centroids']);
    const points = await readPointFile(file, options);
    outputs.assertWritable(file);
    const { report, files } = await perform(clusterBisecting, { ...parameters, files: outputs.names }, reporter, {
      runtime,
      inputs: { points },
    });
    outputs.write(files);
    reporter.result(report, () => describeKmeans(report, outputs, 'splits'));
  },
};
