import type { KmeansReport } from './jobs/kmeansResult.ts';
import { type ArrayOutputs, sizesTable } from './pointFiles.ts';

/** The option for the centroids of a command. */
export const centroidsOption = { name: '--centroids <file.npy>', description: 'Write the centroids there (float64)' };

/** What k-means of any kind found, for people. */
export function describeKmeans(
  { inertia, iterations, converged, sizes, labelsSha256 }: KmeansReport,
  outputs: ArrayOutputs<string>,
  unit = 'iterations',
): string {
  return [
    sizesTable(sizes),
    `inertia     ${inertia}`,
    `${unit.padEnd(10)}  ${iterations}${converged ? ', converged' : ', stopped before it converged (--max-iterations)'}`,
    `SHA-256     ${labelsSha256} (of the labels)`,
    ...outputs.describe(),
  ].join('\n');
}
