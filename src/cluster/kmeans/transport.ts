/** How many points a cluster may have. */
export interface Capacity {
  readonly least: number;
  readonly most: number;
}

/** Rows in a cluster, in the order of what moving them to another one costs: a binary heap with stale entries. */
class MoveHeap {
  readonly #rows: number[] = [];
  readonly #before: (a: number, b: number) => boolean;

  constructor(before: (a: number, b: number) => boolean) {
    this.#before = before;
  }

  /** The cheapest row. */
  get top(): number | undefined {
    return this.#rows[0];
  }

  push(row: number): void {
    const rows = this.#rows;
    let place = rows.push(row) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#before(row, rows[parent] as number)) break;
      rows[place] = rows[parent] as number;
      place = parent;
    }
    rows[place] = row;
  }

  /** Removes the cheapest row. */
  pop(): void {
    const rows = this.#rows;
    const last = rows.pop();
    if (last === undefined || rows.length === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= rows.length) break;
      if (child + 1 < rows.length && this.#before(rows[child + 1] as number, rows[child] as number)) child++;
      if (!this.#before(rows[child] as number, last)) break;
      rows[place] = rows[child] as number;
      place = child;
    }
    rows[place] = last;
  }
}

/** A way from cluster to cluster, along which one point moves each. */
interface Path {
  readonly cost: number;
  readonly clusters: readonly number[];
}

/**
 * Assigns rows to clusters with the least sum of costs such that each cluster has from `least` to `most` rows: a minimum
 * cost flow, found by successive shortest paths (R. Ahuja, T. Magnanti, J. Orlin, "Network Flows", 1993, 9.7), as K. Bennett,
 * P. Bradley and A. Demiriz ("Constrained K-Means Clustering", 2000) state the assignment of constrained k-means. The
 * paths go from cluster to cluster only: along a step the row moves that costs least there.
 */
class Transport {
  readonly labels: Int32Array<ArrayBuffer>;
  readonly #costs: Float64Array;
  readonly #clusterCount: number;
  readonly #counts: Int32Array;
  /** For each pair of clusters, the rows of the first by what the move to the second costs. */
  readonly #heaps: readonly MoveHeap[];

  /** @param costs [rows, clusters], row-major */
  constructor(costs: Float64Array, clusterCount: number) {
    const rowCount = costs.length / clusterCount;
    this.#costs = costs;
    this.#clusterCount = clusterCount;
    this.#counts = new Int32Array(clusterCount);
    this.#heaps = Array.from({ length: clusterCount ** 2 }, (_, pair) => {
      const from = Math.floor(pair / clusterCount);
      const to = pair % clusterCount;
      return new MoveHeap((a, b) => {
        const difference = this.#price(a, from, to) - this.#price(b, from, to);
        return difference < 0 || (difference === 0 && a < b);
      });
    });
    this.labels = new Int32Array(rowCount);
    for (let row = 0; row < rowCount; row++) this.#enter(row, this.#nearest(row));
  }

  /** Moves rows until every cluster has as many as it may, and no other such assignment costs less. */
  balance({ least, most }: Capacity): void {
    const counts = this.#counts;
    const over = (cluster: number): boolean => (counts[cluster] as number) > most;
    const under = (cluster: number): boolean => (counts[cluster] as number) < least;
    const mayGive = (cluster: number): boolean => (counts[cluster] as number) > least;
    const mayTake = (cluster: number): boolean => (counts[cluster] as number) < most;
    while (this.#augment(over, mayTake));
    while (this.#augment(mayGive, under));
    // What had to move may have made room for moves that save costs; rounding must not keep them going.
    const scale = this.#costs.reduce((largest, cost) => Math.max(largest, cost), 0);
    while (this.#augment(mayGive, mayTake, -1e-12 * scale));
  }

  #price(row: number, from: number, to: number): number {
    const first = row * this.#clusterCount;
    return (this.#costs[first + to] as number) - (this.#costs[first + from] as number);
  }

  #nearest(row: number): number {
    const first = row * this.#clusterCount;
    let best = 0;
    for (let cluster = 1; cluster < this.#clusterCount; cluster++) {
      if ((this.#costs[first + cluster] as number) < (this.#costs[first + best] as number)) best = cluster;
    }
    return best;
  }

  #enter(row: number, cluster: number): void {
    this.labels[row] = cluster;
    this.#counts[cluster] = (this.#counts[cluster] as number) + 1;
    for (let to = 0; to < this.#clusterCount; to++) {
      if (to !== cluster) this.#heaps[cluster * this.#clusterCount + to]?.push(row);
    }
  }

  /** The row that moves from one cluster to another at the least cost, if there is one. */
  #cheapest(from: number, to: number): number | undefined {
    const heap = this.#heaps[from * this.#clusterCount + to] as MoveHeap;
    while (heap.top !== undefined && this.labels[heap.top] !== from) heap.pop();
    return heap.top;
  }

  /** Moves one row along each step of the cheapest way, if there is one that costs less than `below`. */
  #augment(
    isSource: (cluster: number) => boolean,
    isTarget: (cluster: number) => boolean,
    below = Number.POSITIVE_INFINITY,
  ): boolean {
    const path = this.#shortest(isSource, isTarget);
    if (!path || path.cost >= below) return false;
    const steps = path.clusters.slice(1).map((to, index) => {
      const from = path.clusters[index] as number;
      return { from, to, row: this.#cheapest(from, to) as number };
    });
    for (const { from, to, row } of steps) {
      this.#counts[from] = (this.#counts[from] as number) - 1;
      this.#enter(row, to);
    }
    return true;
  }

  /** The cheapest way (R. Bellman, 1958): costs of steps may be negative, those of circles are not. */
  #shortest(isSource: (cluster: number) => boolean, isTarget: (cluster: number) => boolean): Path | undefined {
    const clusterCount = this.#clusterCount;
    const all = [...Array(clusterCount).keys()];
    const costs = Float64Array.from(all, (cluster) => (isSource(cluster) ? 0 : Number.POSITIVE_INFINITY));
    const origins = new Int32Array(clusterCount).fill(-1);
    let reached = all.filter(isSource);
    for (let round = 1; round < clusterCount && reached.length > 0; round++) {
      const next = new Set<number>();
      for (const from of reached) {
        for (let to = 0; to < clusterCount; to++) {
          const row = to === from ? undefined : this.#cheapest(from, to);
          if (row === undefined) continue;
          const cost = (costs[from] as number) + this.#price(row, from, to);
          // Rounding must not close a circle.
          if (!(cost < (costs[to] as number)) || this.#leadsTo(origins, from, to)) continue;
          costs[to] = cost;
          origins[to] = from;
          next.add(to);
        }
      }
      reached = [...next];
    }
    let best: number | undefined;
    for (const cluster of all) {
      if (!isTarget(cluster) || origins[cluster] === -1) continue;
      if (best === undefined || (costs[cluster] as number) < (costs[best] as number)) best = cluster;
    }
    if (best === undefined) return undefined;
    const clusters: number[] = [];
    for (let cluster = best; cluster !== -1; cluster = origins[cluster] as number) clusters.unshift(cluster);
    return { cost: costs[best] as number, clusters };
  }

  #leadsTo(origins: Int32Array, from: number, to: number): boolean {
    let cluster = from;
    while (cluster !== -1 && cluster !== to) cluster = origins[cluster] as number;
    return cluster === to;
  }
}

/**
 * The labels of least cost with limited cluster sizes, see `Transport`.
 * @param costs [rows, clusters], row-major
 * @param capacity `least` · clusters ≤ rows ≤ `most` · clusters
 */
export function balancedLabels(costs: Float64Array, clusterCount: number, capacity: Capacity): Int32Array<ArrayBuffer> {
  const transport = new Transport(costs, clusterCount);
  transport.balance(capacity);
  return transport.labels;
}
