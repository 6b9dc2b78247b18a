import { statSync } from 'node:fs';
import { type Command, perform, runtimeOption } from './command.ts';
import { readInput } from './inputFiles.ts';
import { clusterKmeans } from './jobs/clusterKmeans.ts';
import { clusterKmeansChunks } from './jobs/clusterKmeansChunks.ts';
import { centroidsOption, describeKmeans } from './kmeansText.ts';
import { ArrayOutputs, columnsOption, headerOption, labelsOption, readPointFile } from './pointFiles.ts';
import { choiceOption, integerOption, magnitudeOption, type ParsedOptions, textOption, UsageError } from './usage.ts';

const initializations = ['k-means++', 'k-means||', 'random', 'first'] as const;
const metrics = ['euclidean', 'cosine'] as const;
const precisions = ['f32', 'int8'] as const;

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
    {
      name: '--precision <name>',
      description: 'Arithmetic that looks for the nearest centroids, f32 or int8; the labels are the same',
      default: 'f32',
    },
    { name: '--weights <file.npy>', description: 'What each row weighs; all the same' },
    { name: '--tolerance <share>', description: 'Centroid shift² that ends it, in mean variances', default: 1e-4 },
    { name: '--max-iterations <count>', description: 'Most rounds of assignment and update', default: 300 },
    { name: '--seed <integer>', description: 'Seed of the first centroids', default: 0 },
    columnsOption,
    headerOption,
    labelsOption,
    centroidsOption,
    { name: '--metrics', description: 'Judge the clusters: silhouette, Davies–Bouldin and Calinski–Harabasz' },
    {
      name: '--chunk-rows <count>',
      description: 'Rows on the GPU at a time: reads .npy and .parquet piece by piece; always done above 1 GiB',
    },
  ],
  example: 'cluster kmeans points.csv --clusters 3 --columns 0-3 --labels labels.npy --json',
  run: async ([file = ''], options, reporter) => {
    const parameters = hyperparametersOf(options);
    const runtime = runtimeOption(options);
    const outputs = new ArrayOutputs(options, ['labels', 'centroids']);
    const chunks = chunksOf(file, options, parameters);
    if (chunks) {
      outputs.assertWritable(file);
      const { clusters, tolerance, maximumIterations, seed } = parameters;
      const { report, files } = await perform(
        clusterKmeansChunks,
        { clusters, tolerance, maximumIterations, seed, ...chunks, files: outputs.names },
        reporter,
        { runtime, sources: { points: file } },
      );
      outputs.write(files);
      reporter.result(report, () => describeKmeans(report, outputs));
      return;
    }
    const points = await readPointFile(file, options);
    const weightFile = textOption(options, 'weights');
    const weights = weightFile === undefined ? undefined : readInput(weightFile, 'Name a .npy file.');
    outputs.assertWritable(file);
    const { report, files } = await perform(
      clusterKmeans,
      { ...parameters, judge: options.metrics === true, files: outputs.names },
      reporter,
      { runtime, inputs: { points, ...(weights && { weights }) } },
    );
    outputs.write(files);
    reporter.result(report, () => describeKmeans(report, outputs));
  },
};

function hyperparametersOf(options: ParsedOptions) {
  return {
    clusters: integerOption(options, 'clusters', 1, 2 ** 31 - 1),
    init: choiceOption(options, 'init', initializations) ?? 'k-means++',
    starts: integerOption(options, 'starts', 1, 10_000),
    metric: choiceOption(options, 'metric', metrics) ?? 'euclidean',
    precision: choiceOption(options, 'precision', precisions) ?? 'f32',
    tolerance: magnitudeOption(options, 'tolerance'),
    maximumIterations: integerOption(options, 'max-iterations', 1, 2 ** 31 - 1),
    seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
  };
}

/** Larger files are read chunk by chunk where the other options allow that. */
const largestWholeBytes = 2 ** 30;

/** How to read the file chunk by chunk, or nothing where it is read as a whole. */
function chunksOf(
  file: string,
  options: ParsedOptions,
  { init, starts, metric, precision }: ReturnType<typeof hyperparametersOf>,
) {
  const asked = textOption(options, 'chunk-rows') !== undefined;
  const columns = textOption(options, 'columns');
  const obstacle = [
    { present: init === 'k-means||', option: '--init k-means||' },
    { present: starts > 1, option: '--starts' },
    { present: metric !== 'euclidean', option: `--metric ${metric}` },
    { present: precision !== 'f32', option: `--precision ${precision}` },
    { present: options.metrics === true, option: '--metrics' },
    { present: textOption(options, 'weights') !== undefined, option: '--weights' },
    { present: /\.csv$/i.test(file), option: 'a .csv file' },
  ].find(({ present }) => present);
  if (asked && obstacle)
    throw new UsageError(`--chunk-rows does not go together with ${obstacle.option}; leave one out.`);
  const large = (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > largestWholeBytes;
  if (obstacle || init === 'k-means||' || !(asked || large)) return undefined;
  return {
    init,
    ...(asked && { chunkRows: integerOption(options, 'chunk-rows', 1, 2 ** 31 - 1) }),
    ...(columns !== undefined && { columns }),
  };
}
