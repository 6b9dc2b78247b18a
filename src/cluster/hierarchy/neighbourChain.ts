import { type Leaves, type Merges, rowDistance } from './linkage.ts';

/** Most leaves whose distances are kept in float64 on the CPU: 8 bytes a pair, 268 MB. */
export const largestChain = 8192;

/**
 * Complete or average linkage of at most `largestChain` leaves by a nearest-neighbour chain on the CPU, in float64
 * (J.-P. Benzécri, 1982). The order of the chain decides between equal distances; it is SciPy's, and with it
 * scikit-learn's: chains begin at the first cluster left, the cluster that the chain came from goes before others that are
 * as near, then the first, and a merged cluster takes the place of its later part.
 */
export function chainMerges({ coordinates, columnCount, weights }: Leaves, linkage: 'complete' | 'average'): Merges {
  const count = weights.length;
  const sizes = Float64Array.from(weights);
  /** Distances of i < j, row by row. */
  const distances = new Float64Array((count * (count - 1)) / 2);
  const starts = Float64Array.from({ length: count }, (_, row) => row * count - (row * (row + 3)) / 2 - 1);
  const placeOf = (a: number, b: number) => (a < b ? (starts[a] as number) + b : (starts[b] as number) + a);
  for (let a = 0, place = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++, place++) distances[place] = rowDistance(coordinates, a, b, columnCount);
  }
  const left = new Int32Array(count - 1);
  const right = new Int32Array(count - 1);
  const heights = new Float64Array(count - 1);
  const chain: number[] = [];
  let first = 0;
  for (let merge = 0; merge < count - 1; ) {
    while (sizes[first] === 0) first++;
    if (chain.length === 0) chain.push(first);
    const tip = chain.at(-1) as number;
    const former = chain.at(-2);
    let nearest = former ?? -1;
    let least = former === undefined ? Number.POSITIVE_INFINITY : (distances[placeOf(tip, former)] as number);
    for (let other = first; other < count; other++) {
      if (other === tip || sizes[other] === 0) continue;
      const distance = distances[placeOf(tip, other)] as number;
      if (distance < least) {
        least = distance;
        nearest = other;
      }
    }
    if (nearest !== former) {
      chain.push(nearest);
      continue;
    }
    chain.length -= 2;
    const [gone, kept] = tip < nearest ? [tip, nearest] : [nearest, tip];
    left[merge] = gone;
    right[merge] = kept;
    heights[merge] = least;
    merge++;
    const [goneSize, keptSize] = [sizes[gone] as number, sizes[kept] as number];
    sizes[gone] = 0;
    sizes[kept] = goneSize + keptSize;
    for (let other = first; other < count; other++) {
      if (other === kept || sizes[other] === 0) continue;
      const place = placeOf(other, kept);
      const [a, b] = [distances[placeOf(other, gone)] as number, distances[place] as number];
      distances[place] =
        linkage === 'complete' ? Math.max(a, b) : (goneSize * a + keptSize * b) / (goneSize + keptSize);
    }
  }
  return { left, right, heights };
}
