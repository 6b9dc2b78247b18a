import { type CovarianceType, GaussianMixture, type GaussianMixtureFit } from '../../src/index.ts';
import { grouped } from '../shared/elements.ts';
import type { FitJob, Outcome } from './algorithms.ts';
import { chosenNumber, chosenWord } from './choices.ts';
import { quantity, sizeRange } from './figures.ts';

const tolerance = 1e-3;
const mostRounds = 100;

/** A Gaussian mixture, round by round: each goes on from the parameters of the one before. */
export async function fitMixture({ engine, source, choices, signal, say, show }: FitJob): Promise<Outcome> {
  const components = chosenNumber(choices, 'clusters');
  const covariance = chosenWord<CovarianceType>(choices, 'covariance');
  say('k-means, to start from …');
  let fit: GaussianMixtureFit | undefined;
  let rounds = 0;
  let converged = false;
  while (!converged && rounds < mostRounds) {
    const before: GaussianMixtureFit | undefined = fit;
    const start = before
      ? { means: before.means, weights: before.weights, covariances: before.covariances }
      : { seed: chosenNumber(choices, 'seed') };
    const mixture = new GaussianMixture({ components, covariance, maximumIterations: 1, ...start });
    fit = await mixture.fit(engine, source, { signal });
    rounds++;
    const change = before ? fit.lowerBound - before.lowerBound : Number.POSITIVE_INFINITY;
    converged = Math.abs(change) <= tolerance;
    const rise = before ? `, ${change >= 0 ? '+' : '−'}${Math.abs(change).toPrecision(2)}` : '';
    const text = `Round ${rounds}: lower bound ${quantity(fit.lowerBound)}${rise}`;
    if (!converged) await show({ text, labels: fit.labels, centroids: fit.means });
  }
  const last = fit as GaussianMixtureFit;
  return {
    text: converged ? `Converged after ${rounds} rounds.` : `Stopped after ${rounds} rounds.`,
    labels: last.labels,
    centroids: last.means,
    figures: {
      Rounds: grouped(rounds),
      'Lower bound': quantity(last.lowerBound),
      BIC: grouped(Math.round(last.bic)),
      ...sizeRange(last.sizes),
    },
  };
}
