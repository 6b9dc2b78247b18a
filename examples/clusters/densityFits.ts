import { Agglomerative, Dbscan, type DbscanStep, type Linkage, suggestEpsilon } from '../../src/index.ts';
import { grouped } from '../shared/elements.ts';
import type { FitJob, Outcome } from './algorithms.ts';
import { chosenNumber, chosenWord } from './choices.ts';
import { percent, sizeRange } from './figures.ts';

const stepNames: Readonly<Record<DbscanStep, string>> = {
  core: 'Looking for core points',
  link: 'Joining core points',
  border: 'Looking for points at the border',
};

/** DBSCAN, with the epsilon that the distances of neighbours suggest if none is given. */
export async function fitDbscan({ engine, source, choices, signal, say }: FitJob): Promise<Outcome> {
  const minimumPoints = chosenNumber(choices, 'minimumPoints');
  say('Looking at the distances of neighbours …');
  const neighbours = await suggestEpsilon(engine, source, minimumPoints, { signal });
  const epsilon = typeof choices.epsilon === 'number' ? choices.epsilon : neighbours.epsilon;
  const fit = await new Dbscan({ epsilon, minimumPoints }).fit(engine, source, {
    signal,
    onProgress: ({ step, share }) => say(`${stepNames[step]}: ${percent(share)}`),
  });
  return {
    text: `${grouped(fit.clusters)} ${fit.clusters === 1 ? 'cluster' : 'clusters'} at epsilon ${epsilon.toPrecision(3)}.`,
    labels: fit.labels,
    figures: {
      Clusters: grouped(fit.clusters),
      Noise: `${grouped(fit.noise)} (${percent(fit.noise / fit.labels.length)})`,
      'Core points': grouped(fit.coreIndices.length),
      ...sizeRange(fit.sizes),
    },
    neighbours: { ...neighbours, used: epsilon, minimumPoints },
  };
}

/** Points from which on they are brought to clusters before these are linked: with shaders on the CPU, and on a GPU. */
const mostLeaves = { software: 3000, hardware: 5000 } as const;
const preclusterCount = 1000;

/** Hierarchical clustering: of many points, that of a thousand clusters of k-means. */
export async function fitAgglomerative({ engine, source, points, choices, signal, say }: FitJob): Promise<Outcome> {
  const { rowCount } = points;
  const isMany = rowCount > (engine.info.software ? mostLeaves.software : mostLeaves.hardware);
  const clusters = chosenNumber(choices, 'clusters');
  const preclusters = Math.min(Math.max(preclusterCount, clusters), rowCount);
  say(isMany ? `k-means of ${grouped(preclusters)} clusters, to link these …` : 'Linking …');
  const options = { clusters, linkage: chosenWord<Linkage>(choices, 'linkage'), ...(isMany && { preclusters }) };
  const fit = await new Agglomerative(options).fit(engine, source, {
    signal,
    onProgress: ({ clusters: left }) => say(`${grouped(left)} clusters left`),
  });
  return {
    text: isMany
      ? `${grouped(fit.leafCount)} clusters of k-means linked, and cut into ${clusters}.`
      : `${grouped(fit.leafCount)} points linked, and cut into ${clusters}.`,
    labels: fit.labels,
    figures: {
      Leaves: grouped(fit.leafCount),
      'Last merge': fit.distances.length > 0 ? (fit.distances.at(-1) ?? 0).toPrecision(4) : 'none',
      ...sizeRange(fit.sizes),
    },
    hierarchy: fit,
  };
}
