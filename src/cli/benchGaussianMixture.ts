import { covarianceTypes } from '../cluster/mixture/gaussianMixtureModel.ts';
import { benchmark, describeCases, growingOption, scalingOption } from './benchText.ts';
import type { Command } from './command.ts';
import { type BenchGaussianMixtureReport, benchGaussianMixture } from './jobs/benchGaussianMixture.ts';
import { sizeText } from './jobs/clusterBench.ts';
import { formatDistribution } from './text.ts';
import { choiceOption, integerOption } from './usage.ts';

/** `cuanta bench gaussian-mixture`: times mixtures as points, dimensions and components grow. */
export const benchGaussianMixtureCommand: Command = {
  name: 'bench gaussian-mixture',
  description: 'Time Gaussian mixtures on generated points, after checking a round against float64',
  options: [
    { name: '--points <list>', description: 'Numbers of points', default: '20000' },
    { name: '--dimensions <list>', description: 'Numbers of coordinates of a point', default: '16' },
    { name: '--components <list>', description: 'Numbers of components', default: '16' },
    scalingOption,
    { name: '--covariance <type>', description: `Covariances: ${covarianceTypes.join(', ')}`, default: 'full' },
    { name: '--iterations <count>', description: 'Rounds of expectation and maximization in a fit', default: 5 },
    { name: '--runs <count>', description: 'Timed fits of each case', default: 3 },
    { name: '--seed <integer>', description: 'Seed of the points', default: 1 },
    { name: '--peers', description: 'Time the same in float64 TypeScript on the CPU in turns with ours' },
  ],
  example: 'bench gaussian-mixture --points 10000,20000,40000 --dimensions 16,32 --components 16,32 --peers',
  run: (_inputs, options, reporter) => {
    const parameters = {
      points: growingOption(options, 'points', 1000, 2 ** 26),
      dimensions: growingOption(options, 'dimensions', 1, 1024),
      components: growingOption(options, 'components', 1, 1000),
      covariance: choiceOption(options, 'covariance', covarianceTypes) ?? 'full',
      iterations: integerOption(options, 'iterations', 1, 10_000),
      runs: integerOption(options, 'runs', 1, 1000),
      seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
      peers: options.peers === true,
    };
    return benchmark(benchGaussianMixture, parameters, options, reporter, describe);
  },
};

function describe(report: BenchGaussianMixtureReport): string {
  const header = ['mixture', 'size', 'iterations', 'milliseconds per iteration (min–max)'];
  return describeCases(report, header, (entry) => [
    `${entry.covariance} ${sizeText(entry)}`,
    `${entry.iterations}`,
    formatDistribution(entry.millisecondsPerIteration),
  ]);
}
