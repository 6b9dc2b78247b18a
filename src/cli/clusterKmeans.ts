import { type Command, perform, runtimeOption } from './command.ts';
import { readInput } from './inputFiles.ts';
import { type ClusterKmeansReport, clusterKmeans } from './jobs/clusterKmeans.ts';
import { ArrayOutputs, columnsOption, labelsOption, readPointFile, sizesTable } from './pointFiles.ts';
import { choiceOption, integerOption, magnitudeOption, type ParsedOptions, textOption } from './usage.ts';

const initializations = ['k-means++', 'k-means||', 'random', 'first'] as const;
const metrics = ['euclidean', 'cosine'] as const;

/** `cuanta cluster kmeans`: clusters the points of a file. */
export const clusterKmeansCommand: Command = {
  name: 'cluster kmeans',
  arguments: '<file>',
  description: 'Cluster the rows of a .csv, .npy or .parquet file by k-means',
  options: [
    { name: '--clusters <count>', description: 'Clusters', default: 8 },
    { name: '--init <way>', description: `First centroids: ${initializations.join(', ')}`, default: 'k-means++' },
    {
      name: '--starts <count>',
      description: 'Starts with other random numbers, of which the best is kept',
      default: 1,
    },
    { name: '--metric <name>', description: 'euclidean, or cosine to compare directions', default: 'euclidean' },
    { name: '--weights <file.npy>', description: 'What each row weighs; all the same' },
    { name: '--tolerance <share>', description: 'Centroid shift² that ends it, in mean variances', default: 1e-4 },
    { name: '--max-iterations <count>', description: 'Most rounds of assignment and update', default: 300 },
    { name: '--seed <integer>', description: 'Seed of the first centroids', default: 0 },
    columnsOption,
    labelsOption,
    { name: '--centroids <file.npy>', description: 'Write the centroids there (float64)' },
  ],
  example: 'cluster kmeans points.csv --clusters 3 --columns 0-3 --labels labels.npy --json',
  run: async ([file = ''], options, reporter) => {
    const parameters = hyperparametersOf(options);
    const runtime = runtimeOption(options);
    const outputs = new ArrayOutputs(options, ['labels', 'centroids']);
    const points = await readPointFile(file, options);
    const weightFile = textOption(options, 'weights');
    const weights = weightFile === undefined ? undefined : readInput(weightFile, 'Name a .npy file.');
    outputs.assertWritable(file);
    const { report, files } = await perform(clusterKmeans, { ...parameters, files: outputs.names }, reporter, {
      runtime,
      inputs: { points, ...(weights && { weights }) },
    });
    outputs.write(files);
    reporter.result(report, () => describe(report, outputs));
  },
};

function hyperparametersOf(options: ParsedOptions) {
  return {
    clusters: integerOption(options, 'clusters', 1, 2 ** 31 - 1),
    init: choiceOption(options, 'init', initializations) ?? 'k-means++',
    starts: integerOption(options, 'starts', 1, 10_000),
    metric: choiceOption(options, 'metric', metrics) ?? 'euclidean',
    tolerance: magnitudeOption(options, 'tolerance'),
    maximumIterations: integerOption(options, 'max-iterations', 1, 2 ** 31 - 1),
    seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
  };
}

function describe(report: ClusterKmeansReport, outputs: ArrayOutputs<string>): string {
  const { inertia, iterations, converged, sizes, labelsSha256 } = report;
  return [
    sizesTable(sizes),
    `inertia     ${inertia}`,
    `iterations  ${iterations}${converged ? ', converged' : ', stopped before it converged (--max-iterations)'}`,
    `SHA-256     ${labelsSha256} (of the labels)`,
    ...outputs.describe(),
  ].join('\n');
}
