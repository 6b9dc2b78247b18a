import { extname, resolve } from 'node:path';
import { InvalidColumns } from '../io/columns.ts';
import { writeNpy } from '../io/npy.ts';
import { readPoints } from '../io/points.ts';
import { type Command, perform, runtimeOption } from './command.ts';
import { readInput } from './inputFiles.ts';
import { type ClusterKmeansReport, clusterKmeans } from './jobs/clusterKmeans.ts';
import { assertWritable, writeWhole } from './outputFiles.ts';
import { formatNumber, textTable } from './text.ts';
import { choiceOption, integerOption, magnitudeOption, type ParsedOptions, textOption, UsageError } from './usage.ts';

const initializations = ['k-means++', 'random', 'first'] as const;

/** `cuanta cluster kmeans`: clusters the points of a file. */
export const clusterKmeansCommand: Command = {
  name: 'cluster kmeans',
  arguments: '<file>',
  description: 'Cluster the rows of a .csv or .npy file',
  options: [
    { name: '--clusters <count>', description: 'Clusters', default: 8 },
    { name: '--init <way>', description: `First centroids: ${initializations.join(', ')}`, default: 'k-means++' },
    { name: '--tolerance <share>', description: 'Centroid shift² that ends it, in mean variances', default: 1e-4 },
    { name: '--max-iterations <count>', description: 'Most rounds of assignment and update', default: 300 },
    { name: '--seed <integer>', description: 'Seed of the first centroids', default: 0 },
    {
      name: '--columns <ranges>',
      description: 'Columns to use, zero-based and inclusive, such as 0-3 or 0,2,5-7; all',
    },
    { name: '--labels <file.npy>', description: 'Write the cluster of each row there (int32)' },
    { name: '--centroids <file.npy>', description: 'Write the centroids there (float64)' },
  ],
  example: 'cluster kmeans points.csv --clusters 3 --columns 0-3 --labels labels.npy --json',
  run: async ([file = ''], options, reporter) => {
    const parameters = hyperparametersOf(options);
    const runtime = runtimeOption(options);
    const columns = textOption(options, 'columns');
    const outputs = outputsOf(options);
    const bytes = readInput(file, 'Name a .csv or .npy file.');
    for (const path of outputs.values()) assertWritable(path, file);

    const points = pointsOf(bytes, file, columns);
    const { rowCount, columnCount, data } = points;
    const { report, files } = await perform(clusterKmeans, { ...parameters, files: [...outputs.keys()] }, reporter, {
      runtime,
      inputs: { points: writeNpy({ shape: [rowCount, columnCount], data }) },
    });
    for (const [name, path] of outputs) writeWhole(path, files?.[name] ?? new Uint8Array());
    reporter.result(report, () => describe(report, outputs));
  },
};

function hyperparametersOf(options: ParsedOptions) {
  return {
    clusters: integerOption(options, 'clusters', 1, 2 ** 31 - 1),
    init: choiceOption(options, 'init', initializations) ?? 'k-means++',
    tolerance: magnitudeOption(options, 'tolerance'),
    maximumIterations: integerOption(options, 'max-iterations', 1, 2 ** 31 - 1),
    seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
  };
}

function outputsOf(options: ParsedOptions): ReadonlyMap<'labels' | 'centroids', string> {
  const outputs = new Map<'labels' | 'centroids', string>();
  for (const name of ['labels', 'centroids'] as const) {
    const path = textOption(options, name);
    if (path === undefined) continue;
    if (extname(path).toLowerCase() !== '.npy') {
      throw new UsageError(`--${name} is ${JSON.stringify(path)}; it takes a file name that ends in .npy.`);
    }
    outputs.set(name, path);
  }
  const paths = [...outputs.values()].map((path) => resolve(path));
  if (new Set(paths).size < paths.length) {
    throw new UsageError(`--labels and --centroids are both ${paths[0]}; name two different files.`);
  }
  return outputs;
}

function pointsOf(bytes: Uint8Array, file: string, columns: string | undefined) {
  const extension = extname(file).toLowerCase();
  const format = extension === '.npy' ? 'npy' : extension === '.csv' ? 'csv' : undefined;
  try {
    return readPoints(bytes, { ...(format && { format }), ...(columns !== undefined && { columns }) });
  } catch (cause) {
    // Columns that are malformed or not there are a mistake on the command line, not in the file.
    throw cause instanceof InvalidColumns ? new UsageError(`--columns: ${cause.message}`, { cause }) : cause;
  }
}

function describe(report: ClusterKmeansReport, outputs: ReadonlyMap<string, string>): string {
  const { inertia, iterations, converged, sizes, labelsSha256 } = report;
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return [
    textTable(
      ['cluster', 'points', 'share'],
      sizes.map((size, cluster) => [
        `${cluster}`,
        size.toLocaleString('en'),
        `${formatNumber((100 * size) / total)} %`,
      ]),
    ),
    `inertia     ${inertia}`,
    `iterations  ${iterations}${converged ? ', converged' : ', stopped before it converged (--max-iterations)'}`,
    `SHA-256     ${labelsSha256} (of the labels)`,
    ...[...outputs].map(([name, path]) => `${name.padEnd(10)}  written to ${path}`),
  ].join('\n');
}
