import { throwIfAborted } from '../../base/abort.ts';
import { InvalidInput } from '../../base/errors.ts';
import type { Engine } from '../../gpu/engine.ts';
import { allRows, largestSegment, PairPoints, segmentsOf } from '../pairs.ts';
import { framePoints } from '../points/framedPoints.ts';
import { type PointSource, shapeOf } from '../points/points.ts';
import { randomRows } from '../random.ts';
import { clusterCodes } from './labelCodes.ts';

/** How to compute silhouettes. */
export interface SilhouetteRun {
  /** Stops it with `Aborted`. */
  readonly signal?: AbortSignal;
}

/** How to compute a mean silhouette. */
export interface SilhouetteOptions extends SilhouetteRun {
  /**
   * Takes the mean over this many points, drawn without repetition, of their silhouettes among all points. From 1 up; all
   * points unless given, or if there are fewer.
   */
  readonly sample?: number;
  /** Seed of the draw, a whole number from 0 to 2^53 - 1. Default 0. */
  readonly seed?: number;
}

/**
 * The silhouette of each point (P. Rousseeuw, 1987): (b − a) / max(a, b), a being the mean distance to the other points of
 * its cluster and b the least mean distance to the points of another cluster; 0 for a point alone in its cluster. From −1
 * to 1. Noise (−1) counts as a cluster, as any other label.
 *
 * All n² distances on the GPU, without a matrix of them. Distances are float32, their sums run over at most 1,024 points
 * before float64 takes them over: off by about 1e-6, by 2e-5 at most for data without far outliers.
 * @param labels one integer a point
 * @throws ShapeMismatch, InvalidInput for fewer than 2 clusters or as many as points, LimitExceeded, Aborted
 */
export function silhouetteSamples(
  engine: Engine,
  points: PointSource,
  labels: ArrayLike<number>,
  run: SilhouetteRun = {},
): Promise<Float64Array<ArrayBuffer>> {
  return silhouettesOf(engine, points, labels, allRows(shapeOf(points, 'silhouette').rowCount), run.signal);
}

/**
 * The mean of `silhouetteSamples`, over all points or a sample. A sample costs sample · n distances; scikit-learn's
 * `sample_size` instead drops all other points, which changes the clusters too.
 * @throws what `silhouetteSamples` throws
 */
export async function silhouette(
  engine: Engine,
  points: PointSource,
  labels: ArrayLike<number>,
  options: SilhouetteOptions = {},
): Promise<number> {
  const { rowCount } = shapeOf(points, 'silhouette');
  const { sample = rowCount, seed = 0, signal } = options;
  for (const [name, value, least] of [
    ['sample', sample, 1],
    ['seed', seed, 0],
  ] as const) {
    if (Number.isSafeInteger(value) && value >= least) continue;
    throw new InvalidInput(`silhouette: ${name} is ${value}; it must be a whole number of at least ${least}.`);
  }
  const rows = sample < rowCount ? Uint32Array.from(randomRows(seed, sample, rowCount)) : allRows(rowCount);
  const values = await silhouettesOf(engine, points, labels, rows, signal);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

async function silhouettesOf(
  engine: Engine,
  source: PointSource,
  labels: ArrayLike<number>,
  rows: Uint32Array<ArrayBuffer>,
  signal: AbortSignal | undefined,
): Promise<Float64Array<ArrayBuffer>> {
  throwIfAborted(signal);
  const { rowCount } = shapeOf(source, 'silhouette');
  const { codes, sizes } = clusterCodes(labels, rowCount, 'silhouette');
  const { coordinates, columnCount } = await framePoints(source, 'silhouette');
  // Points cluster by cluster, so that each segment lies within one.
  const starts = new Int32Array(sizes.length);
  for (let code = 1; code < sizes.length; code++) {
    starts[code] = (starts[code - 1] as number) + (sizes[code - 1] as number);
  }
  const ranges = Array.from(sizes, (size, code) => [starts[code] as number, (starts[code] as number) + size] as const);
  const places = new Uint32Array(rowCount);
  const sorted = new Float64Array(coordinates.length);
  codes.forEach((code, row) => {
    const place = starts[code] as number;
    starts[code] = place + 1;
    places[row] = place;
    for (let column = 0; column < columnCount; column++) {
      sorted[place * columnCount + column] = coordinates[row * columnCount + column] as number;
    }
  });
  const segments = segmentsOf(ranges, largestSegment);
  const segmentsOfCode = Array.from(sizes, (size) => Math.ceil(size / largestSegment));
  const values = new Float64Array(rows.length);
  const points = new PairPoints(engine, sorted, columnCount, 'silhouette');
  try {
    const asked = rows.map((row) => places[row] as number);
    await points.distanceSums(asked, segments, (first, sums) => {
      throwIfAborted(signal);
      const segmentCount = segments.length / 2;
      for (let place = 0; place * segmentCount < sums.length; place++) {
        const own = codes[rows[first + place] as number] as number;
        const part = sums.subarray(place * segmentCount, (place + 1) * segmentCount);
        values[first + place] = silhouetteOf(part, own, sizes, segmentsOfCode);
      }
    });
  } finally {
    points.release();
  }
  return values;
}

/** The silhouette of a point, from the sums of its distances to each segment of the clusters. */
function silhouetteOf(sums: Float32Array, own: number, sizes: Int32Array, segmentsOfCode: readonly number[]): number {
  const ownSize = sizes[own] as number;
  if (ownSize === 1) return 0;
  let inside = 0;
  let outside = Number.POSITIVE_INFINITY;
  let segment = 0;
  segmentsOfCode.forEach((count, code) => {
    let sum = 0;
    for (const end = segment + count; segment < end; segment++) sum += sums[segment] as number;
    if (code === own) inside = sum / (ownSize - 1);
    else outside = Math.min(outside, sum / (sizes[code] as number));
  });
  const larger = Math.max(inside, outside);
  return larger === 0 ? 0 : (outside - inside) / larger;
}
