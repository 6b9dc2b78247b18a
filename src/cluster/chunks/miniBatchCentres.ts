import { derivedSeed, randomRows } from '../random.ts';

/** What governs the centroids of mini-batches. */
export interface BatchCentresOptions {
  readonly clusterCount: number;
  /** All points. */
  readonly rowCount: number;
  /** Points of a batch; the last of a pass may be smaller. */
  readonly batchSize: number;
  readonly noImprovement: number;
  readonly reassignmentRatio: number;
  readonly seed: number;
}

/**
 * Centroids that learn from batch after batch, as scikit-learn's do (`_minibatch_update_dense`, `_mini_batch_step`,
 * `_mini_batch_convergence`): in float64 on the CPU, since a batch is small.
 */
export class BatchCentres {
  readonly options: BatchCentresOptions;
  readonly #rowFloats: number;
  /** [clusters][rowFloats] in the frame. */
  readonly #centres: Float64Array;
  /** Points that each centroid was given so far. */
  readonly #counts: Float64Array;
  #steps = 0;
  #sinceReassignment = 0;
  #smoothed: number | undefined;
  #best = Number.POSITIVE_INFINITY;
  #withoutImprovement = 0;

  /** @param framed [clusters][rowFloats], where they start */
  constructor(framed: Float32Array, options: BatchCentresOptions) {
    this.options = options;
    this.#rowFloats = framed.length / options.clusterCount;
    this.#centres = Float64Array.from(framed);
    this.#counts = new Float64Array(options.clusterCount);
  }

  /** Batches so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Smoothed mean squared distance of the batches' points to their centroids, in the frame. */
  get meanSquare(): number {
    return this.#smoothed ?? 0;
  }

  /** Whether so many batches have not made it smaller that it is time to stop. */
  get converged(): boolean {
    return this.#withoutImprovement >= this.options.noImprovement;
  }

  /** The centroids in float32. */
  rounded(): Float32Array<ArrayBuffer> {
    return Float32Array.from(this.#centres);
  }

  /** Takes a batch, [rows][rowFloats] in the frame, with the labels of its rows. */
  learn(framed: Float32Array, labels: ArrayLike<number>): void {
    const rowCount = framed.length / this.#rowFloats;
    const squares = this.#squares(framed, labels, rowCount);
    this.#move(framed, labels, rowCount);
    if (this.#isTimeToReassign()) this.#reassign(framed, rowCount);
    this.#steps++;
    this.#judge(squares / this.options.batchSize);
  }

  /** Sum of the squared distances of the batch's points to their centroids. */
  #squares(framed: Float32Array, labels: ArrayLike<number>, rowCount: number): number {
    const rowFloats = this.#rowFloats;
    let sum = 0;
    for (let row = 0, index = 0; row < rowCount; row++) {
      const first = (labels[row] as number) * rowFloats;
      for (let column = 0; column < rowFloats; column++, index++) {
        const difference = (framed[index] as number) - (this.#centres[first + column] as number);
        sum += difference * difference;
      }
    }
    return sum;
  }

  /** Moves each centroid to the mean of all that it was given. */
  #move(framed: Float32Array, labels: ArrayLike<number>, rowCount: number): void {
    const rowFloats = this.#rowFloats;
    const centres = this.#centres;
    const counts = this.#counts;
    const touched = new Set<number>();
    const before = counts.slice();
    for (let row = 0; row < rowCount; row++) {
      const cluster = labels[row] as number;
      const first = cluster * rowFloats;
      if (!touched.has(cluster)) {
        touched.add(cluster);
        for (let column = first; column < first + rowFloats; column++) {
          centres[column] = (centres[column] as number) * (before[cluster] as number);
        }
      }
      counts[cluster] = (counts[cluster] as number) + 1;
      for (let column = 0; column < rowFloats; column++) {
        const value = framed[row * rowFloats + column] as number;
        centres[first + column] = (centres[first + column] as number) + value;
      }
    }
    for (const cluster of touched) {
      const first = cluster * rowFloats;
      for (let column = first; column < first + rowFloats; column++) {
        centres[column] = (centres[column] as number) / (counts[cluster] as number);
      }
    }
  }

  #isTimeToReassign(): boolean {
    this.#sinceReassignment += this.options.batchSize;
    if (!this.#counts.includes(0) && this.#sinceReassignment < 10 * this.options.clusterCount) return false;
    this.#sinceReassignment = 0;
    return true;
  }

  /** Lets centroids with few points, at most half as many as the batch has, start again from points of the batch. */
  #reassign(framed: Float32Array, rowCount: number): void {
    const { reassignmentRatio, seed } = this.options;
    const counts = this.#counts;
    const rowFloats = this.#rowFloats;
    const largest = counts.reduce((a, b) => Math.max(a, b));
    const few = [...counts.keys()]
      .filter((cluster) => (counts[cluster] as number) < reassignmentRatio * largest)
      .sort((a, b) => (counts[a] as number) - (counts[b] as number) || a - b)
      .slice(0, Math.floor(rowCount / 2))
      .sort((a, b) => a - b);
    if (few.length === 0) return;
    const others = counts.filter((_, cluster) => !few.includes(cluster));
    const least = others.reduce((a, b) => Math.min(a, b));
    const rows = randomRows(derivedSeed(seed, 'reassignments', this.#steps), few.length, rowCount);
    for (const [place, cluster] of few.entries()) {
      const row = rows[place] as number;
      this.#centres.set(framed.subarray(row * rowFloats, (row + 1) * rowFloats), cluster * rowFloats);
      counts[cluster] = least;
    }
  }

  /** Smooths the mean squared distance over about one pass; the first batch only shows where centroids started. */
  #judge(meanSquare: number): void {
    if (this.#steps === 1) return;
    const { batchSize, rowCount } = this.options;
    const share = Math.min(1, (2 * batchSize) / (rowCount + 1));
    this.#smoothed = this.#smoothed === undefined ? meanSquare : this.#smoothed * (1 - share) + meanSquare * share;
    if (this.#smoothed < this.#best) {
      this.#best = this.#smoothed;
      this.#withoutImprovement = 0;
    } else {
      this.#withoutImprovement++;
    }
  }
}
