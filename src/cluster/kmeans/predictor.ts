import { InvalidInput, ShapeMismatch } from '../../base/errors.ts';
import type { Engine } from '../../gpu/engine.ts';
import { Tensor } from '../../gpu/tensor.ts';
import type { Frame } from '../points/frame.ts';
import { type PointSource, preparePoints, shapeOf } from '../points/points.ts';
import { unitRows } from '../points/unitRows.ts';
import { assertWeights } from '../points/weights.ts';
import { recordAssign, recordNorms } from './assign.ts';
import { inertiaOf } from './inertia.ts';
import { ClusterState } from './state.ts';
import { recordTransform } from './transform.ts';

/** Centroids as a fit leaves them. */
export interface CentroidModel {
  /** Rows of rowFloats in the frame. */
  readonly framed: Float32Array<ArrayBuffer>;
  readonly frame: Frame;
  /** Whether vectors are compared by their direction alone. Default false. */
  readonly cosine?: boolean;
}

/** Points may reach 2^40 times as far as the centroids: beyond that, squared distances among these vanish in float32. */
const farthestReach = 40;

/** What a fit says of other points, one a row. */
export interface Predictor {
  /**
   * The nearest centroid of other points, as certain as the labels are.
   * @throws ShapeMismatch, InvalidInput also for points that reach 2^40 times as far as the centroids
   */
  predict(points: PointSource): Promise<Int32Array<ArrayBuffer>>;
  /**
   * The distance of each point to each centroid, a tensor [rows, clusters] on the GPU that the caller disposes of. With
   * metric `cosine`: 1 − cos. Relative error below (columns + 16) · 2^-23, and before that the points and centroids are
   * rounded to float32: coordinates by up to 2^-24 of the largest one, centred.
   * @throws as `predict`, and InvalidInput for distances that float32 does not hold, LimitExceeded
   */
  transform(points: PointSource): Promise<Tensor<'float32'>>;
  /**
   * Minus the inertia of other points: minus the sum of their squared distances to their nearest centroids, times `weights`
   * if given (one a point, finite, at least 0). With metric `cosine`: of 1 − cos.
   * @throws as `predict`
   */
  score(points: PointSource, weights?: Float32Array | Float64Array): Promise<number>;
}

/** Centroids out of their frame, in the points' own coordinates. */
export function fromFrame(framed: Float32Array, { centre, exponent }: Frame): Float64Array<ArrayBuffer> {
  const columnCount = centre.length;
  const rowFloats = Math.ceil(columnCount / 4) * 4;
  const clusterCount = framed.length / rowFloats;
  return Float64Array.from({ length: clusterCount * columnCount }, (_, index) => {
    const column = index % columnCount;
    const value = framed[Math.floor(index / columnCount) * rowFloats + column] as number;
    return value / 2 ** exponent + (centre[column] as number);
  });
}

/** The centroids of a model in the points' own coordinates; for directions, of length 1 in float64. */
export function centroidsOf({ framed, frame, cosine }: CentroidModel): Float64Array<ArrayBuffer> {
  const data = fromFrame(framed, frame);
  const columnCount = frame.centre.length;
  return cosine ? unitRows({ data, rowCount: data.length / columnCount, columnCount }, 'KMeans').data : data;
}

/** Points as their metric sees them: a tensor is read where vectors are brought to the length 1. */
export async function measuredPoints(source: PointSource, cosine: boolean, what: string): Promise<PointSource> {
  if (!cosine) return source;
  if (!(source instanceof Tensor)) return unitRows(source, what);
  const shape = shapeOf(source, what);
  return unitRows({ ...shape, data: await source.read() }, what);
}

/** The points with these labels and centroids: the sum that k-means minimizes. */
export async function objective(
  state: ClusterState,
  source: PointSource,
  labels: Int32Array,
  centroids: Float64Array,
  weights: Float32Array | Float64Array | undefined,
): Promise<number> {
  const inertia = await inertiaOf(state, source, labels, centroids, weights);
  // For vectors of length 1, |x − c|² is 2 (1 − cos).
  return state.cosine ? inertia / 2 : inertia;
}

/** Brings points into the model's frame, beside its centroids, for as long as `work` takes. */
async function withPoints<T>(
  engine: Engine,
  { framed, frame, cosine = false }: CentroidModel,
  source: PointSource,
  what: string,
  work: (state: ClusterState, measured: PointSource) => Promise<T> | T,
): Promise<T> {
  const { columnCount } = shapeOf(source, what);
  if (columnCount !== frame.centre.length) {
    throw new ShapeMismatch(
      `${what}: points have ${columnCount} columns, but the centroids have ${frame.centre.length}; give points with the same columns.`,
    );
  }
  const measured = await measuredPoints(source, cosine, what);
  const points = await preparePoints(engine, measured, what, { frame });
  try {
    const state = new ClusterState(points, framed.length / points.rowFloats, cosine);
    try {
      // A power of two: exact.
      const scale = 2 ** (points.frame.exponent - frame.exponent);
      assertReach(framed, scale, what);
      state.setCentroids(framed.map((value) => value * scale));
      return await work(state, measured);
    } finally {
      state.release();
    }
  } finally {
    points.release();
  }
}

/** @throws InvalidInput where centroids are so small in the frame of the points that float32 cannot tell them apart */
function assertReach(framed: Float32Array, scale: number, what: string): void {
  const largest = framed.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  if (largest === 0 || largest * scale >= 2 ** -farthestReach) return;
  throw new InvalidInput(
    `${what}: the points reach about ${(1 / (largest * scale)).toExponential(0)} times as far as the centroids; float32 holds both up to 2^${farthestReach} times. Leave the farthest points out.`,
  );
}

async function assignedLabels(state: ClusterState): Promise<Int32Array<ArrayBuffer>> {
  recordNorms(state);
  recordAssign(state, { fresh: true });
  return await state.readLabels();
}

/** What centroids say of other points. */
export function predictorOf(engine: Engine, model: CentroidModel): Predictor {
  return {
    predict: (points) => withPoints(engine, model, points, 'predict', assignedLabels),
    transform: (points) => withPoints(engine, model, points, 'transform', recordTransform),
    async score(points, weights) {
      if (weights) assertWeights(weights, shapeOf(points, 'score').rowCount, 'score');
      const inertia = await withPoints(engine, model, points, 'score', async (state, measured) =>
        objective(state, measured, await assignedLabels(state), centroidsOf(model), weights),
      );
      return -inertia;
    },
  };
}
