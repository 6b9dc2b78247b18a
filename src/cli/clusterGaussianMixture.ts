import { covarianceTypes } from '../cluster/mixture/gaussianMixtureModel.ts';
import { type Command, perform, runtimeOption } from './command.ts';
import { type ClusterGaussianMixtureReport, clusterGaussianMixture } from './jobs/clusterGaussianMixture.ts';
import { ArrayOutputs, columnsOption, headerOption, labelsOption, readPointFile, sizesTable } from './pointFiles.ts';
import { choiceOption, integerOption, magnitudeOption, type ParsedOptions, textOption, UsageError } from './usage.ts';

/** `cuanta cluster gaussian-mixture`: fits a mixture to the points of a file. */
export const clusterGaussianMixtureCommand: Command = {
  name: 'cluster gaussian-mixture',
  arguments: '<file>',
  description: 'Fit a mixture of Gaussian distributions to the rows of a .csv, .npy or .parquet file',
  options: [
    { name: '--components <count>', description: 'Components', default: 1 },
    { name: '--covariance <type>', description: `Covariances: ${covarianceTypes.join(', ')}`, default: 'full' },
    { name: '--tolerance <number>', description: 'Change of the mean log-likelihood that ends it', default: 1e-3 },
    { name: '--regularization <number>', description: 'Added to all variances', default: 1e-6 },
    { name: '--max-iterations <count>', description: 'Most rounds of expectation and maximization', default: 100 },
    { name: '--starts <count>', description: 'Starts from k-means, of which the best is kept', default: 1 },
    { name: '--seed <integer>', description: 'Seed of k-means', default: 0 },
    { name: '--means <file>', description: 'Start from these means, equal weights and the covariance of the points' },
    columnsOption,
    headerOption,
    labelsOption,
    { name: '--scores <file.npy>', description: 'Write the log-density at each row there (float64)' },
  ],
  example: 'cluster gaussian-mixture points.csv --components 3 --covariance full --labels labels.npy --json',
  run: async ([file = ''], options, reporter) => {
    const parameters = hyperparametersOf(options);
    const runtime = runtimeOption(options);
    const outputs = new ArrayOutputs(options, ['labels', 'scores']);
    const meansFile = textOption(options, 'means');
    if (meansFile !== undefined && parameters.starts > 1) {
      throw new UsageError(`--starts is ${parameters.starts}; with --means all starts are the same: leave one out.`);
    }
    const points = await readPointFile(file, options);
    const means = meansFile === undefined ? undefined : await readPointFile(meansFile, {});
    outputs.assertWritable(file);
    const { report, files } = await perform(clusterGaussianMixture, { ...parameters, files: outputs.names }, reporter, {
      runtime,
      inputs: { points, ...(means && { means }) },
    });
    outputs.write(files);
    reporter.result(report, () => describe(report, outputs));
  },
};

function hyperparametersOf(options: ParsedOptions) {
  return {
    components: integerOption(options, 'components', 1, 2 ** 31 - 1),
    covariance: choiceOption(options, 'covariance', covarianceTypes) ?? 'full',
    tolerance: magnitudeOption(options, 'tolerance'),
    regularization: magnitudeOption(options, 'regularization'),
    maximumIterations: integerOption(options, 'max-iterations', 1, 2 ** 31 - 1),
    starts: integerOption(options, 'starts', 1, 1000),
    seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
  };
}

function describe(report: ClusterGaussianMixtureReport, outputs: ArrayOutputs<string>): string {
  const { lowerBound, iterations, converged, bic, aic, sizes, labelsSha256 } = report;
  return [
    sizesTable(sizes),
    `lower bound ${lowerBound} (mean log-likelihood of a row)`,
    `BIC, AIC    ${bic}, ${aic}`,
    `iterations  ${iterations}${converged ? ', converged' : ', stopped before it converged (--max-iterations)'}`,
    `SHA-256     ${labelsSha256} (of the labels)`,
    ...outputs.describe(),
  ].join('\n');
}
