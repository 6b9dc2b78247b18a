import type { Engine } from '../../gpu/engine.ts';
import { Tensor } from '../../gpu/tensor.ts';
import { recordAssign, recordNorms } from '../kmeans/assign.ts';
import type { KMeansIteration } from '../kmeans/kmeans.ts';
import { type CentroidModel, centroidsOf } from '../kmeans/predictor.ts';
import { ClusterState } from '../kmeans/state.ts';
import type { PointSet } from '../points/pointSet.ts';
import { type HostPoints, preparePoints } from '../points/points.ts';

/** How far a fit is. */
export interface MiniBatchProgress {
  /** Batches so far. */
  readonly step: number;
  /** Smoothed mean squared distance of the batches' points to their centroids. */
  readonly meanSquare: number;
}

/** A batch that has just moved the centroids, for drawing while it runs. */
export interface MiniBatchIteration extends MiniBatchProgress, Pick<KMeansIteration, 'readCentroids'> {
  /**
   * Assigns all points to the centroids as they are: [rows], on the GPU, valid until the callback's promise settles. The
   * points and 20 bytes a point are on the GPU from the first time on.
   */
  assignAll(): Promise<Tensor<'int32'>>;
}

/** Shows batches as they are learned, with the labels of all points where they are asked for. Holds memory until `release()`. */
export class ShownBatches {
  readonly #engine: Engine;
  readonly #source: HostPoints;
  readonly #onIteration: (iteration: MiniBatchIteration) => void | Promise<void>;
  #held: { readonly points: PointSet; readonly state: ClusterState } | undefined;

  constructor(
    engine: Engine,
    source: HostPoints,
    onIteration: (iteration: MiniBatchIteration) => void | Promise<void>,
  ) {
    this.#engine = engine;
    this.#source = source;
    this.#onIteration = onIteration;
  }

  /** Calls back, and takes the labels that were asked for away when that has settled. */
  async show(progress: MiniBatchProgress, model: CentroidModel): Promise<void> {
    let labels: Promise<Tensor<'int32'>> | undefined;
    try {
      await this.#onIteration({
        ...progress,
        assignAll: () => {
          labels ??= this.#assign(model);
          return labels;
        },
        readCentroids: async () => centroidsOf(model),
      });
    } finally {
      (await labels?.catch(() => undefined))?.dispose();
    }
  }

  release(): void {
    this.#held?.state.release();
    this.#held?.points.release();
    this.#held = undefined;
  }

  async #assign({ framed, frame }: CentroidModel): Promise<Tensor<'int32'>> {
    const { points, state } = this.#held ?? (await this.#prepare(framed, frame));
    state.setCentroids(framed);
    this.#engine.clear(state.counters);
    recordNorms(state);
    recordAssign(state, { fresh: true });
    state.labels.retain();
    return new Tensor(this.#engine, state.labels, [points.rowCount], 'int32');
  }

  /** The frame is that of these very points, which they keep to. */
  async #prepare(framed: Float32Array, frame: CentroidModel['frame']) {
    const points = await preparePoints(this.#engine, this.#source, 'MiniBatchKMeans', { frame });
    try {
      this.#held = { points, state: new ClusterState(points, framed.length / points.rowFloats) };
    } catch (error) {
      points.release();
      throw error;
    }
    return this.#held;
  }
}
