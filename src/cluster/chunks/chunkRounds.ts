import type { Allocation } from '../../gpu/allocation.ts';
import type { Engine } from '../../gpu/engine.ts';
import { recordAssign, recordNorms, type ScoreForm } from '../kmeans/assign.ts';
import { readDistanceKeys } from '../kmeans/distances.ts';
import { recordFinish } from '../kmeans/finish.ts';
import { directShare } from '../kmeans/lloyd.ts';
import { type Move, movePoints, readEmptyClusters } from '../kmeans/relocate.ts';
import { type ClusterState, haltReasons, type Status } from '../kmeans/state.ts';
import { recordUpdate } from '../kmeans/update.ts';
import type { PointStatistics } from '../points/pointSet.ts';
import type { ChunkReader } from './chunkReader.ts';
import { HeldChunk } from './heldChunk.ts';
import { StoredLabels } from './storedLabels.ts';

/** Where the results of a chunk wait for being read while the next one is computed. */
interface Results {
  readonly labels: Allocation;
  readonly counters: Allocation;
}

/** Farthest points so far, with different coordinates. */
interface Candidate extends Move {
  readonly key: number;
  readonly name: string;
}

/** Counters that are read back: labels changed, points undecided. */
const counterBytes = 8;

/**
 * The rounds of k-means over points that come chunk by chunk: one chunk at a time lies on the GPU, where its points are
 * added to the exact sums of all; the next one is read, framed and sent meanwhile. The labels are kept on the CPU.
 */
export class ChunkRounds {
  readonly labels: StoredLabels;
  readonly #engine: Engine;
  readonly #reader: ChunkReader;
  readonly #chunk: HeldChunk;
  readonly #capacity: number;
  readonly #results: readonly Results[];
  readonly #held: Allocation[] = [];
  #form: ScoreForm = 'expanded';
  #undecidedShare: number | undefined;

  constructor(
    engine: Engine,
    reader: ChunkReader,
    statistics: PointStatistics,
    clusterCount: number,
    capacity: number,
  ) {
    const { columnCount, rowCount } = reader;
    this.#engine = engine;
    this.#reader = reader;
    this.#capacity = capacity;
    this.labels = new StoredLabels(clusterCount, rowCount);
    this.#chunk = new HeldChunk(engine, statistics, { capacity, columnCount, clusterCount });
    try {
      this.#results = [0, 1].map(() => ({
        labels: this.#allocate(capacity * 4),
        counters: this.#allocate(counterBytes),
      }));
    } catch (error) {
      this.release();
      throw error;
    }
  }

  get state(): ClusterState {
    return this.#chunk.state;
  }

  release(): void {
    this.#chunk.release();
    for (const allocation of this.#held.splice(0)) allocation.release();
  }

  /** One round over all chunks. */
  async round(fresh: boolean): Promise<Status> {
    const { state } = this;
    state.clearSums();
    const { changed, undecided } = await this.#assign({ forced: false });
    const counters = new Uint32Array(state.counterCount);
    counters.set([fresh ? this.#reader.rowCount : changed, undecided]);
    this.#engine.upload(state.counters, new Uint8Array(counters.buffer));
    recordFinish(state);
    let status = await state.readStatus();
    if (status.halted === haltReasons.emptyCluster) {
      await this.#relocate();
      status = await state.readStatus();
    }
    this.#undecidedShare = status.undecided / this.#reader.rowCount;
    if (this.#undecidedShare > directShare) this.#form = 'direct';
    return status;
  }

  /** Assigns all points to the centroids as they are, although the iteration has halted. */
  async assignFinally(): Promise<void> {
    await this.#assign({ forced: true });
  }

  /** Assigns all points, and adds them to the sums unless the iteration has halted. */
  async #assign({ forced }: { readonly forced: boolean }): Promise<{ changed: number; undecided: number }> {
    const engine = this.#engine;
    const { state } = this;
    const totals = { changed: 0, undecided: 0 };
    let collected: Promise<void> = Promise.resolve();
    let turn = 0;
    recordNorms(state);
    for await (const { firstRow, rowCount } of this.#uploads()) {
      engine.clear(state.counters);
      recordAssign(state, { form: this.#form, forced, fresh: true, undecidedShare: this.#undecidedShare });
      if (!forced) recordUpdate(state);
      const { labels, counters } = this.#results[turn % this.#results.length] as Results;
      turn++;
      engine.copy(state.labels, labels, rowCount * 4);
      engine.copy(state.counters, counters, counterBytes);
      const collecting = this.#collect(labels, counters, firstRow, rowCount).then(({ changed, undecided }) => {
        totals.changed += changed;
        totals.undecided += undecided;
      });
      // It is awaited after the next chunk, unless that one fails.
      collecting.catch(() => undefined);
      await collected;
      collected = collecting;
    }
    await collected;
    return totals;
  }

  async #collect(labels: Allocation, counters: Allocation, firstRow: number, rowCount: number) {
    const [labelBytes, counterWords] = await Promise.all([
      this.#engine.readBytes(labels, rowCount * 4),
      this.#engine.readBytes(counters, counterBytes),
    ]);
    const changed = this.labels.set(firstRow, new Uint32Array(labelBytes));
    const [, undecided = 0] = new Uint32Array(counterWords);
    return { changed, undecided };
  }

  /** Reads all points and puts one chunk after the other on the GPU. */
  async *#uploads() {
    for await (const chunk of this.#reader.framed(this.#chunk.points.frame, this.#capacity)) {
      this.#chunk.upload(chunk.framed);
      yield chunk;
    }
  }

  /** Ends a round that halted because clusters are empty, as `relocateEmptyClusters` does. */
  async #relocate(): Promise<void> {
    const empty = await readEmptyClusters(this.state);
    await movePoints(this.state, empty, await this.#farthest(empty.length));
  }

  /** The `wanted` farthest points with different coordinates, the lower row before an equally far one. */
  async #farthest(wanted: number): Promise<Move[]> {
    const { state } = this;
    const { rowFloats } = this.#chunk.points;
    const best: Candidate[] = [];
    for await (const { firstRow, rowCount, framed } of this.#uploads()) {
      const labels = this.labels.slice(firstRow, firstRow + rowCount);
      this.#engine.upload(state.labels, new Uint8Array(labels.buffer));
      const keys = await readDistanceKeys(state);
      for (let row = 0; row < rowCount; row++) {
        const key = keys[row] as number;
        const least = best.length < wanted ? 0 : (best.at(-1)?.key ?? 0);
        if (key <= least) continue;
        const point = framed.slice(row * rowFloats, (row + 1) * rowFloats);
        const name = point.join();
        if (best.some((candidate) => candidate.name === name)) continue;
        const place = best.findIndex((candidate) => candidate.key < key);
        best.splice(place < 0 ? best.length : place, 0, { key, name, point, label: labels[row] as number });
        best.length = Math.min(best.length, wanted);
      }
    }
    return best;
  }

  #allocate(size: number): Allocation {
    const allocation = this.#engine.allocate(size);
    this.#held.push(allocation);
    return allocation;
  }
}
