import { breathe } from '../../src/base/pieces.ts';
import {
  adjustedRand,
  calinskiHarabasz,
  daviesBouldin,
  type Engine,
  normalizedMutualInformation,
  silhouette,
} from '../../src/index.ts';
import { grouped } from '../shared/elements.ts';
import type { HeldCloud } from './cloud.ts';

/** Points whose silhouettes are averaged: with shaders on the CPU, and on a GPU. */
const silhouettePoints = { software: 400, hardware: 4000 } as const;

/** Points of each cluster. */
export function sizesOf(labels: Int32Array, clusters: number): Int32Array {
  const sizes = new Int32Array(clusters);
  for (const label of labels) {
    if (label >= 0) sizes[label] = (sizes[label] as number) + 1;
  }
  return sizes;
}

/** How good a clustering is: by itself, and beside the groups that the points were made in. */
export async function scoresOf(
  engine: Engine,
  { cloud, source }: HeldCloud,
  labels: Int32Array,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const scores: Record<string, string> = {};
  const kinds = new Set(labels).size;
  if (kinds > 1 && kinds < labels.length) {
    const sample = engine.info.software ? silhouettePoints.software : silhouettePoints.hardware;
    scores.Silhouette = (await silhouette(engine, source, labels, { sample, signal })).toFixed(3);
    scores['Davies–Bouldin'] = (await daviesBouldin(engine, source, labels)).toFixed(3);
    scores['Calinski–Harabasz'] = grouped(Math.round(await calinskiHarabasz(engine, source, labels)));
  }
  if (cloud.truth) {
    await breathe();
    scores['Rand, as made'] = adjustedRand(labels, cloud.truth).toFixed(3);
    await breathe();
    scores['NMI, as made'] = normalizedMutualInformation(labels, cloud.truth).toFixed(3);
  }
  return scores;
}
