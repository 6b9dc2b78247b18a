import { InvalidInput } from '../../base/errors.ts';
import { labelsHash } from '../labelsHash.ts';
import type { Merges } from './linkage.ts';
import { UnionFind } from './unionFind.ts';

/** Where to cut a dendrogram. */
export type DendrogramCut =
  /** Into this many clusters, from 1 to the number of leaves. */
  | { readonly clusters: number }
  /** Below this height: clusters whose distance is as great or greater stay apart. At least 0. */
  | { readonly height: number };

/** What the leaves of a dendrogram stand for. */
export interface LeafPoints {
  /** The leaf of each point. */
  readonly leafOf: Int32Array<ArrayBuffer>;
  /** Points of each leaf. */
  readonly leafSizes: Int32Array<ArrayBuffer>;
}

/** A hierarchy of merges over points: plain data on the CPU. */
export class Dendrogram {
  /** Leaves: the points, or the clusters that they were brought to first. */
  readonly leafCount: number;
  /** The leaf of each point: the point itself unless points were brought to clusters first. */
  readonly leafOf: Int32Array<ArrayBuffer>;
  /** Points of each leaf. */
  readonly leafSizes: Int32Array<ArrayBuffer>;
  /**
   * Row-major [leafCount − 1, 2]: the two nodes of each merge, the smaller number first. Numbers below `leafCount` are
   * leaves, leafCount + i is the merge i (scikit-learn's `children_`).
   */
  readonly children: Int32Array<ArrayBuffer>;
  /** [leafCount − 1]: the height of each merge, ascending (scikit-learn's `distances_`). */
  readonly distances: Float64Array<ArrayBuffer>;

  /** @param merges parts before wholes, in the points' own units; equal heights keep their order */
  constructor(merges: Merges, { leafOf, leafSizes }: LeafPoints) {
    this.leafCount = leafSizes.length;
    this.leafOf = leafOf;
    this.leafSizes = leafSizes;
    const order = Array.from(merges.heights.keys()).sort(
      (a, b) => (merges.heights[a] as number) - (merges.heights[b] as number) || a - b,
    );
    this.distances = Float64Array.from(order, (merge) => merges.heights[merge] as number);
    this.children = new Int32Array(order.length * 2);
    const sets = new UnionFind(this.leafCount);
    const nodes = Int32Array.from({ length: this.leafCount }, (_, leaf) => leaf);
    order.forEach((merge, position) => {
      const [left, right] = [merges.left[merge] as number, merges.right[merge] as number];
      const [a, b] = [nodes[sets.find(left)] as number, nodes[sets.find(right)] as number];
      this.children.set([Math.min(a, b), Math.max(a, b)], position * 2);
      sets.join(left, right);
      nodes[sets.find(left)] = this.leafCount + position;
    });
  }

  /**
   * The cluster of each point after a cut, numbered from 0 in the order of their first points.
   * @throws InvalidInput for a number of clusters or a height outside its range
   */
  labelsAt(cut: DendrogramCut): Int32Array<ArrayBuffer> {
    const mergeCount = 'clusters' in cut ? this.leafCount - this.#clustersOf(cut.clusters) : this.#below(cut.height);
    const sets = new UnionFind(this.leafCount);
    /** A leaf of each merge. */
    const leaves = new Int32Array(mergeCount);
    const leafUnder = (node: number) => (node < this.leafCount ? node : (leaves[node - this.leafCount] as number));
    for (let merge = 0; merge < mergeCount; merge++) {
      const leaf = leafUnder(this.children[merge * 2] as number);
      sets.join(leaf, leafUnder(this.children[merge * 2 + 1] as number));
      leaves[merge] = leaf;
    }
    const numbers = new Map<number, number>();
    return this.leafOf.map((leaf) => {
      const root = sets.find(leaf);
      const known = numbers.get(root) ?? numbers.size;
      numbers.set(root, known);
      return known;
    });
  }

  /**
   * Row-major [leafCount − 1, 4], as SciPy's `linkage`: the two nodes, the height and the number of points of each merge.
   */
  linkageMatrix(): Float64Array<ArrayBuffer> {
    const matrix = new Float64Array(this.distances.length * 4);
    const pointsOf = (node: number): number =>
      node < this.leafCount ? (this.leafSizes[node] as number) : (matrix[(node - this.leafCount) * 4 + 3] as number);
    this.distances.forEach((height, merge) => {
      const [a, b] = [this.children[merge * 2] as number, this.children[merge * 2 + 1] as number];
      matrix.set([a, b, height, pointsOf(a) + pointsOf(b)], merge * 4);
    });
    return matrix;
  }

  /** The leaves from left to right in a drawing without crossings, the smaller node of a merge on the left. */
  leafOrder(): Int32Array<ArrayBuffer> {
    const order: number[] = [];
    const open = [2 * this.leafCount - 2];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (node < this.leafCount) {
        order.push(node);
        continue;
      }
      const merge = node - this.leafCount;
      open.push(this.children[merge * 2 + 1] as number, this.children[merge * 2] as number);
    }
    return Int32Array.from(order);
  }

  #clustersOf(clusters: number): number {
    if (!Number.isSafeInteger(clusters) || clusters < 1 || clusters > this.leafCount) {
      throw new InvalidInput(
        `labelsAt: ${clusters} clusters of ${this.leafCount} leaves; ask for a whole number from 1 to ${this.leafCount}.`,
      );
    }
    return clusters;
  }

  /** Merges below a height. */
  #below(height: number): number {
    if (!(height >= 0)) {
      throw new InvalidInput(`labelsAt: the height is ${height}; cut at a height of at least 0.`);
    }
    const first = this.distances.findIndex((distance) => distance >= height);
    return first < 0 ? this.distances.length : first;
  }
}

/** A dendrogram with its cut into the clusters that were asked for. */
export class AgglomerativeFit extends Dendrogram {
  /** The cluster of each point, numbered from 0 in the order of their first points. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Points of each cluster. */
  readonly sizes: Int32Array<ArrayBuffer>;

  constructor(merges: Merges, leaves: LeafPoints, cut: DendrogramCut) {
    super(merges, leaves);
    this.labels = this.labelsAt(cut);
    const sizes: number[] = [];
    for (const label of this.labels) sizes[label] = (sizes[label] ?? 0) + 1;
    this.sizes = Int32Array.from(sizes);
  }

  /** SHA-256 of the labels, see `labelsHash`. */
  labelsSha256(): Promise<string> {
    return labelsHash(this.labels);
  }
}
