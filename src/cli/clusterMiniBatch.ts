import { type Command, perform, runtimeOption } from './command.ts';
import { clusterMiniBatch } from './jobs/clusterMiniBatch.ts';
import { centroidsOption, describeKmeans } from './kmeansText.ts';
import { ArrayOutputs, columnsOption, headerOption, labelsOption, readPointFile } from './pointFiles.ts';
import { choiceOption, integerOption, magnitudeOption } from './usage.ts';

const initializations = ['k-means++', 'random', 'first'] as const;

/** `cuanta cluster mini-batch`: clusters the points of a file by mini-batches. */
export const clusterMiniBatchCommand: Command = {
  name: 'cluster mini-batch',
  arguments: '<file>',
  description: 'Cluster the rows of a .csv, .npy or .parquet file by mini-batch k-means',
  options: [
    { name: '--clusters <count>', description: 'Clusters', default: 8 },
    { name: '--init <way>', description: `First centroids: ${initializations.join(', ')}`, default: 'k-means++' },
    { name: '--batch-size <count>', description: 'Points of a batch', default: 1024 },
    { name: '--max-iterations <count>', description: 'Most passes over as many points as there are', default: 100 },
    { name: '--patience <count>', description: 'Batches without improvement that end it', default: 10 },
    {
      name: '--reassignment-ratio <share>',
      description: 'Share of the largest cluster that lets one start again',
      default: 0.01,
    },
    { name: '--seed <integer>', description: 'Seed of the first centroids and of the batches', default: 0 },
    columnsOption,
    headerOption,
    labelsOption,
    centroidsOption,
  ],
  example: 'cluster mini-batch points.npy --clusters 64 --labels labels.npy --json',
  run: async ([file = ''], options, reporter) => {
    const parameters = {
      clusters: integerOption(options, 'clusters', 1, 2 ** 31 - 1),
      init: choiceOption(options, 'init', initializations) ?? 'k-means++',
      batchSize: integerOption(options, 'batch-size', 1, 2 ** 24),
      maximumIterations: integerOption(options, 'max-iterations', 1, 2 ** 31 - 1),
      noImprovement: integerOption(options, 'patience', 1, 2 ** 31 - 1),
      reassignmentRatio: magnitudeOption(options, 'reassignment-ratio'),
      seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
    };
    const runtime = runtimeOption(options);
    const outputs = new ArrayOutputs(options, ['labels', 'centroids']);
    const points = await readPointFile(file, options);
    outputs.assertWritable(file);
    const { report, files } = await perform(clusterMiniBatch, { ...parameters, files: outputs.names }, reporter, {
      runtime,
      inputs: { points },
    });
    outputs.write(files);
    reporter.result(report, () => describeKmeans(report, outputs, 'batches'));
  },
};
