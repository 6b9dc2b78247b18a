import { type Engine, KMeans } from '../../src/index.ts';

/** What the main job asks of k-means. */
const citiesOptions = { clusters: 64, tolerance: 1e-4, maximumIterations: 100, seed: 2026 } as const;

export interface CitiesReport {
  readonly pointCount: number;
  readonly clusters: number;
  readonly tolerance: number;
  readonly maximumIterations: number;
  readonly seed: number;
  readonly iterations: number;
  readonly converged: boolean;
  /** As the fit reports it. */
  readonly inertia: number;
  /** Recomputed in float64 from the final labels and centroids. */
  readonly recomputedInertia: number;
  readonly relativeDifference: number;
  /** SHA-256 of the labels as little-endian int32, of each run. */
  readonly labelsSha256: readonly string[];
  /** Of each run, seeding included. */
  readonly milliseconds: readonly number[];
  readonly millisecondsPerIteration: number;
  readonly sizes: { readonly min: number; readonly max: number };
}

export interface CitiesResult {
  readonly report: CitiesReport;
  readonly labels: Int32Array;
  readonly centroids: Float64Array;
}

const inertiaTolerance = 1e-9;

/** Σ‖x − c‖² over all points in float64. */
export function inertiaOf(
  points: Float64Array,
  labels: Int32Array,
  centroids: Float64Array,
  columnCount: number,
): number {
  let inertia = 0;
  for (let row = 0; row < labels.length; row++) {
    const centroid = (labels[row] ?? 0) * columnCount;
    for (let column = 0; column < columnCount; column++) {
      inertia += ((points[row * columnCount + column] ?? 0) - (centroids[centroid + column] ?? Number.NaN)) ** 2;
    }
  }
  return inertia;
}

/**
 * Clusters the cities twice.
 *
 * @param points [count, 3], unit vectors
 * @throws Error when the two runs' labels differ, or the fit's inertia is not that of its labels and centroids
 */
export async function reportCities(
  engine: Engine,
  points: Float64Array,
  onProgress?: (line: string) => void,
): Promise<CitiesResult> {
  const pointCount = points.length / 3;
  const hashes: string[] = [];
  const milliseconds: number[] = [];
  const fitOnce = async (run: number) => {
    const start = performance.now();
    let spoken = start;
    const fit = await new KMeans(citiesOptions).fit(
      engine,
      { data: points, rowCount: pointCount, columnCount: 3 },
      {
        onProgress({ iteration, changed }) {
          if (performance.now() - spoken < 2000) return;
          spoken = performance.now();
          onProgress?.(`cities: run ${run}, iteration ${iteration}, ${changed} of ${pointCount} labels changed`);
        },
      },
    );
    milliseconds.push(performance.now() - start);
    hashes.push(await fit.labelsSha256());
    onProgress?.(
      `cities: run ${run}, ${fit.iterations} iterations in ${((milliseconds.at(-1) ?? 0) / 1000).toFixed(1)} s, labels ${hashes.at(-1)?.slice(0, 12)}…`,
    );
    return fit;
  };
  const first = await fitOnce(1);
  await fitOnce(2);
  if (hashes[0] !== hashes[1]) {
    throw new Error(`Two runs with the same seed gave different labels: ${hashes.join(' and ')}; they must be equal.`);
  }
  const { labels, centroids, inertia, iterations, converged, sizes } = first;
  const recomputedInertia = inertiaOf(points, labels, centroids, 3);
  const relativeDifference = Math.abs(inertia - recomputedInertia) / recomputedInertia;
  if (!(relativeDifference <= inertiaTolerance)) {
    throw new Error(
      `The fit reports inertia ${inertia}, its labels and centroids give ${recomputedInertia}: they differ by ${relativeDifference} (relative), at most ${inertiaTolerance} is allowed.`,
    );
  }
  const report: CitiesReport = {
    pointCount,
    ...citiesOptions,
    iterations,
    converged,
    inertia,
    recomputedInertia,
    relativeDifference,
    labelsSha256: hashes,
    milliseconds,
    millisecondsPerIteration: Math.min(...milliseconds) / iterations,
    sizes: { min: Math.min(...sizes), max: Math.max(...sizes) },
  };
  return { report, labels, centroids };
}
