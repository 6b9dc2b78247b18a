/** Disjoint sets of 0 … count − 1 (union by size, path halving). */
export class UnionFind {
  readonly #parents: Int32Array;
  readonly #sizes: Int32Array;

  constructor(count: number) {
    this.#parents = Int32Array.from({ length: count }, (_, element) => element);
    this.#sizes = new Int32Array(count).fill(1);
  }

  /** The element that stands for the set of `element`. */
  find(element: number): number {
    const parents = this.#parents;
    let root = element;
    while (parents[root] !== root) {
      const above = parents[parents[root] as number] as number;
      parents[root] = above;
      root = above;
    }
    return root;
  }

  /** Joins two sets; false if they were one already. */
  join(a: number, b: number): boolean {
    const [first, second] = [this.find(a), this.find(b)];
    if (first === second) return false;
    const [large, small] =
      (this.#sizes[first] as number) >= (this.#sizes[second] as number) ? [first, second] : [second, first];
    this.#parents[small] = large;
    this.#sizes[large] = (this.#sizes[large] as number) + (this.#sizes[small] as number);
    return true;
  }
}
