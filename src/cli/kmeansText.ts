import type { Int8Report } from '../cluster/kmeans/int8Rounds.ts';
import type { KmeansReport } from './jobs/kmeansResult.ts';
import { type ArrayOutputs, sizesTable } from './pointFiles.ts';
import { formatNumber } from './text.ts';

/** The option for the centroids of a command. */
export const centroidsOption = { name: '--centroids <file.npy>', description: 'Write the centroids there (float64)' };

/** What the rounds of k-means of any kind are called, and what it means when they ended without its having converged. */
const rounds = {
  iterations: 'stopped before it converged (--max-iterations)',
  batches: 'stopped before it converged (--max-iterations)',
  splits: 'fewer than asked for: the points of each cluster are alike',
} as const;

/** What k-means of any kind found, for people. */
export function describeKmeans(
  { inertia, iterations, converged, sizes, labelsSha256, int8, metrics }: KmeansReport,
  outputs: ArrayOutputs<string>,
  unit: keyof typeof rounds = 'iterations',
): string {
  return [
    sizesTable(sizes),
    `inertia     ${inertia}`,
    `${unit.padEnd(10)}  ${iterations}, ${converged ? 'converged' : rounds[unit]}`,
    ...(int8 ? [`in 8 bits   ${describeInt8(int8)}`] : []),
    ...(metrics
      ? [
          `silhouette  ${metrics.silhouette} (of ${metrics.silhouettePoints.toLocaleString('en')} points)`,
          `Davies–Bouldin ${metrics.daviesBouldin}, Calinski–Harabasz ${metrics.calinskiHarabasz}`,
        ]
      : []),
    `SHA-256     ${labelsSha256} (of the labels)`,
    ...outputs.describe(),
  ].join('\n');
}

function describeInt8({ rounds, recheckShare }: Int8Report): string {
  if (rounds === 0) return 'no rounds: f32 is faster here for rows that short';
  return `${rounds} ${rounds === 1 ? 'round' : 'rounds'}, ${formatNumber(100 * recheckShare)} % of the points left to f32`;
}
