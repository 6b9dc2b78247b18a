import { type CovarianceType, GaussianMixture } from '../../src/index.ts';
import { grouped } from '../shared/elements.ts';
import type { FitJob, Outcome } from './algorithms.ts';
import { chosenNumber, chosenWord } from './choices.ts';
import { quantity, sizeRange } from './figures.ts';

/** A Gaussian mixture, drawn after every round from the labels as they lie on the GPU. */
export async function fitMixture({ engine, source, choices, signal, say, show }: FitJob): Promise<Outcome> {
  say('k-means, to start from …');
  const mixture = new GaussianMixture({
    components: chosenNumber(choices, 'clusters'),
    covariance: chosenWord<CovarianceType>(choices, 'covariance'),
    seed: chosenNumber(choices, 'seed'),
  });
  const fit = await mixture.fit(engine, source, {
    signal,
    onIteration: async ({ iteration, lowerBound, change, labels, readParameters }) => {
      const rise = iteration > 1 ? `, ${change >= 0 ? '+' : '−'}${Math.abs(change).toPrecision(2)}` : '';
      const text = `Round ${iteration}: lower bound ${quantity(lowerBound)}${rise}`;
      await show({ text, labels, centroids: (await readParameters()).means });
    },
  });
  const { iterations, converged } = fit;
  return {
    text: converged ? `Converged after ${iterations} rounds.` : `Stopped after ${iterations} rounds.`,
    labels: fit.labels,
    centroids: fit.means,
    figures: {
      Rounds: grouped(iterations),
      'Lower bound': quantity(fit.lowerBound),
      BIC: grouped(Math.round(fit.bic)),
      ...sizeRange(fit.sizes),
    },
  };
}
