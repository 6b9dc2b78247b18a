import {
  BisectingKMeans,
  type BisectingStrategy,
  KMeans,
  type KMeansInit,
  type KMeansOptions,
  MiniBatchKMeans,
} from '../../src/index.ts';
import { grouped } from '../shared/elements.ts';
import type { FitJob, Outcome } from './algorithms.ts';
import { type Choices, chosenNumber, chosenWord } from './choices.ts';
import { percent, quantity, sizeRange } from './figures.ts';

function common(choices: Choices): { clusters: number; seed: number } {
  return { clusters: chosenNumber(choices, 'clusters'), seed: chosenNumber(choices, 'seed') };
}

/** k-means, drawn after every iteration from the labels as they lie on the GPU. */
export async function fitKMeans({ engine, source, points, choices, signal, show }: FitJob): Promise<Outcome> {
  let changed = points.rowCount;
  const options: KMeansOptions = {
    ...common(choices),
    init: chosenWord<Extract<KMeansInit, string>>(choices, 'init'),
    precision: chosenWord<'f32' | 'int8'>(choices, 'precision'),
  };
  const fit = await new KMeans(options).fit(engine, source, {
    signal,
    onProgress: (progress) => {
      changed = progress.changed;
    },
    onIteration: async ({ iteration, labels, readCentroids }) => {
      const text = `Iteration ${iteration}: ${grouped(changed)} of ${grouped(points.rowCount)} points changed cluster`;
      await show({ text, labels, centroids: await readCentroids() });
    },
  });
  const { iterations, converged, int8 } = fit;
  return {
    text: converged ? `Converged after ${iterations} iterations.` : `Stopped after ${iterations} iterations.`,
    labels: fit.labels,
    centroids: fit.centroids,
    figures: {
      Iterations: grouped(iterations),
      Inertia: quantity(fit.inertia),
      ...sizeRange(fit.sizes),
      ...(int8 && {
        'Rechecked in float': int8.rounds === 0 ? 'all: int8 does not pay here' : percent(int8.recheckShare),
      }),
    },
  };
}

/** Mini-batch k-means. Its labels come at the end. */
export async function fitMiniBatch({ engine, source, choices, signal, say }: FitJob): Promise<Outcome> {
  const options = { ...common(choices), batchSize: chosenNumber(choices, 'batchSize') };
  const fit = await new MiniBatchKMeans(options).fit(engine, source, {
    signal,
    onProgress: ({ step, meanSquare }) => say(`Batch ${grouped(step)}: mean square ${meanSquare.toPrecision(4)}`),
  });
  return {
    text: `${fit.converged ? 'Converged' : 'Stopped'} after ${grouped(fit.steps)} batches.`,
    labels: fit.labels,
    centroids: fit.centroids,
    figures: { Batches: grouped(fit.steps), Inertia: quantity(fit.inertia), ...sizeRange(fit.sizes) },
  };
}

/** Bisecting k-means. The splits are shown one after the other once they are made. */
export async function fitBisecting({ engine, source, points, choices, signal, say, show }: FitJob): Promise<Outcome> {
  const options = { ...common(choices), strategy: chosenWord<BisectingStrategy>(choices, 'strategy') };
  const fit = await new BisectingKMeans(options).fit(engine, source, {
    signal,
    onProgress: (clusters) => say(`${grouped(clusters)} clusters`),
  });
  for (let shown = 1; shown < fit.splits.length; shown++) {
    // Clusters of later splits are still part of those that they come from.
    const clusterOf = Int32Array.from(fit.sizes.keys());
    for (const { from, to } of fit.splits.slice(shown).reverse()) {
      clusterOf.forEach((cluster, index) => {
        if (cluster === to) clusterOf[index] = from;
      });
    }
    await show({
      text: `Split ${shown} of ${fit.splits.length}, of ${grouped(points.rowCount)} points`,
      labels: fit.labels.map((label) => clusterOf[label] as number),
    });
  }
  return {
    text: `${fit.sizes.length} clusters by ${fit.splits.length} splits.`,
    labels: fit.labels,
    centroids: fit.centroids,
    figures: { Splits: grouped(fit.splits.length), Inertia: quantity(fit.inertia), ...sizeRange(fit.sizes) },
  };
}
