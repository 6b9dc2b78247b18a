import { abortable, throwIfAborted } from '../../base/abort.ts';
import { InvalidInput } from '../../base/errors.ts';
import type { Engine } from '../../gpu/engine.ts';
import { declareKernel } from '../../gpu/kernel.ts';
import { workRuns } from '../../gpu/windows.ts';
import { type PointSource, shapeOf } from '../points/points.ts';
import { prepareWhole, type WholePoints } from '../points/wholePoints.ts';

const kDistancesKernel = declareKernel({
  name: 'cluster/kDistances',
  uniforms: {
    first: 'u32',
    end: 'u32',
    firstOther: 'u32',
    endOther: 'u32',
    queryCount: 'u32',
    vectors: 'u32',
    k: 'u32',
  },
  bindings: { points: 'read', queries: 'read', nearest: 'write' },
});

/** Largest k: distances are kept in a thread's own memory. */
const largestNeighbourCount = 64;
const fewSlots = 8;
const width = 64;
/** Queries whose distances one dispatch looks at, where there are many. */
const queryRows = 1 << 16;
const stepBatch = 32;

/** How to look for neighbours. */
export interface KDistancesRun {
  /** Points asked about, at least 2: so many, evenly spread over the rows, or all if there are fewer. Default: all. */
  readonly sample?: number;
  /** Stops it with `Aborted`. */
  readonly signal?: AbortSignal;
  /** Called as the work is done: its share, up to 1. */
  readonly onProgress?: (progress: { readonly share: number }) => void;
}

/** An epsilon for DBSCAN, and what it was read from. */
export interface EpsilonSuggestion {
  readonly epsilon: number;
  /** Sorted distances to the (minimumPoints − 1)-th neighbour, ascending. */
  readonly distances: Float64Array<ArrayBuffer>;
}

/**
 * The distance of each point, or of a sample, to its k-th nearest other point: ascending, the curve from which epsilon is
 * read (J. Sander, M. Ester, H.-P. Kriegel, X. Xu, 1998). In float32, off by about 1e-7 of the points' extent at most.
 * Compares every point asked about with all others; k + 1 words a point asked about beside the points.
 *
 * @param k from 1 to 64, below the number of points
 * @throws ShapeMismatch, InvalidInput, LimitExceeded, Aborted
 */
export async function kDistances(
  engine: Engine,
  points: PointSource,
  k: number,
  run: KDistancesRun = {},
): Promise<Float64Array<ArrayBuffer>> {
  const { rowCount } = shapeOf(points, 'kDistances');
  const { sample = rowCount, signal } = run;
  const largest = Math.min(largestNeighbourCount, rowCount - 1);
  if (largest === 0) throw new InvalidInput('kDistances: 1 point has no neighbours; give at least 2 points.');
  if (!Number.isSafeInteger(k) || k < 1 || k > largest) {
    throw new InvalidInput(
      `kDistances: k is ${k}; it must be a whole number from 1 to ${largest}, at most ${largestNeighbourCount} and below the number of points, ${rowCount}.`,
    );
  }
  if (!Number.isSafeInteger(sample) || sample < 2) {
    throw new InvalidInput(`kDistances: sample is ${sample}; ask about a whole number of points, at least 2.`);
  }
  throwIfAborted(signal);
  const count = Math.min(sample, rowCount);
  const queries = Uint32Array.from({ length: count }, (_, index) => Math.floor((index * rowCount) / count));
  const whole = await prepareWhole(engine, points, 'kDistances');
  try {
    const squares = await nearestSquares(whole, queries, k, run);
    const scale = 2 ** -whole.points.frame.exponent;
    return Float64Array.from(squares, (square) => Math.sqrt(square) * scale).sort();
  } finally {
    whole.points.release();
  }
}

/** The k-th smallest squared distance of each query in the frame. */
async function nearestSquares(
  { points, rows: allRows }: WholePoints,
  queries: Uint32Array<ArrayBuffer>,
  k: number,
  { signal, onProgress }: KDistancesRun,
): Promise<Float32Array> {
  const { engine, rowCount, rowVectors } = points;
  const queryCount = queries.length;
  const rows = engine.allocate(queries.byteLength);
  const nearest = engine.allocate(queryCount * k * 4);
  try {
    engine.upload(rows, new Uint8Array(queries.buffer));
    const pairWork = rowVectors * 10 + 6;
    const queryStep = Math.min(queryCount, queryRows);
    const others = Math.ceil(Math.max(k, engine.workBudget / (queryStep * pairWork)));
    let recorded = 0;
    for (let firstOther = 0; firstOther < rowCount; firstOther += others) {
      const endOther = Math.min(rowCount, firstOther + others);
      const queryWork = pairWork * (endOther - firstOther) + k * 4;
      for (const { first, end, work } of workRuns(engine, queryCount, queryWork, width)) {
        engine.run(kDistancesKernel, {
          uniforms: { first, end, firstOther, endOther, queryCount, vectors: rowVectors, k },
          bindings: { points: allRows, queries: rows, nearest },
          workgroups: Math.ceil((end - first) / width),
          work,
          variant: { constants: { WIDTH: width, SLOTS: k <= fewSlots ? fewSlots : largestNeighbourCount } },
        });
        recorded++;
        if (recorded % stepBatch === 0) {
          await abortable(engine.idle(), signal);
          onProgress?.({ share: (firstOther + ((endOther - firstOther) * end) / queryCount) / rowCount });
        }
      }
    }
    const words = await abortable(engine.readBytes(nearest, queryCount * k * 4), signal);
    onProgress?.({ share: 1 });
    return new Float32Array(words).subarray((k - 1) * queryCount);
  } finally {
    rows.release();
    nearest.release();
  }
}

/**
 * The place where an ascending curve turns upward: the farthest below the straight line from its first to its last point,
 * which is where the difference curve of Kneedle, unsmoothed, is largest (V. Satopää, J. Albrecht, D. Irwin,
 * B. Raghavan, *Finding a "kneedle" in a haystack*, 2011). The last place of a curve that nowhere lies below the line.
 */
export function kneeOf(ascending: Float64Array): number {
  const last = ascending.length - 1;
  const lowest = ascending[0] ?? 0;
  const height = (ascending[last] ?? 0) - lowest;
  let knee = last;
  let deepest = 0;
  ascending.forEach((value, index) => {
    const depth = index / last - (value - lowest) / height;
    if (depth > deepest) {
      deepest = depth;
      knee = index;
    }
  });
  return knee;
}

const suggestionSample = 2048;

/**
 * An epsilon for DBSCAN with `minimumPoints`: the knee of the curve of distances at which points become core points, those
 * to their (minimumPoints − 1)-th neighbours, for 2,048 of the points unless the run says otherwise. A point to start from:
 * data of several densities have several knees.
 *
 * @param minimumPoints from 2 to 65, at most the number of points
 * @throws ShapeMismatch, InvalidInput, LimitExceeded, Aborted; InvalidInput also where the distances at the knee are 0, as among mostly equal points
 */
export async function suggestEpsilon(
  engine: Engine,
  points: PointSource,
  minimumPoints: number,
  run: KDistancesRun = {},
): Promise<EpsilonSuggestion> {
  const { rowCount } = shapeOf(points, 'suggestEpsilon');
  const largest = Math.min(largestNeighbourCount + 1, rowCount);
  if (!Number.isSafeInteger(minimumPoints) || minimumPoints < 2 || minimumPoints > largest) {
    throw new InvalidInput(
      `suggestEpsilon: minimumPoints is ${minimumPoints}; it must be a whole number from 2 to ${largestNeighbourCount + 1} and at most the number of points, ${rowCount}.`,
    );
  }
  const distances = await kDistances(engine, points, minimumPoints - 1, { sample: suggestionSample, ...run });
  const epsilon = distances[kneeOf(distances)] ?? 0;
  if (epsilon === 0) {
    throw new InvalidInput(
      `suggestEpsilon: the distance to neighbour ${minimumPoints - 1} is 0 at the knee, for ${distances.length} points asked about; most points are equal. Remove duplicates, or choose more minimumPoints.`,
    );
  }
  return { epsilon, distances };
}
