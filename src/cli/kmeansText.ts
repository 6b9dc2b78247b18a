import type { KmeansReport } from './jobs/kmeansResult.ts';
import { type ArrayOutputs, sizesTable } from './pointFiles.ts';
import { formatNumber } from './text.ts';

/** The option for the centroids of a command. */
export const centroidsOption = { name: '--centroids <file.npy>', description: 'Write the centroids there (float64)' };

/** What k-means of any kind found, for people. */
export function describeKmeans(
  { inertia, iterations, converged, sizes, labelsSha256, int8, metrics }: KmeansReport,
  outputs: ArrayOutputs<string>,
  unit = 'iterations',
): string {
  return [
    sizesTable(sizes),
    `inertia     ${inertia}`,
    `${unit.padEnd(10)}  ${iterations}${converged ? ', converged' : ', stopped before it converged (--max-iterations)'}`,
    ...(int8
      ? [`in 8 bits   ${int8.rounds} rounds, ${formatNumber(100 * int8.recheckShare)} % of the points left to f32`]
      : []),
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
