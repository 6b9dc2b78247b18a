/** Seeded inputs of the benchmarks: the same on every machine. */

/** A generator of numbers in [0, 1): a counter through the 32-bit mixer of C. Wellons ("lowbias32", 2018). */
export function generator(seed: number): () => number {
  let counter = Math.imul(seed + 1, 0x9e3779b9);
  return () => {
    counter = (counter + 0x6d2b79f5) | 0;
    let word = counter;
    word = Math.imul(word ^ (word >>> 16), 0x7feb352d);
    word = Math.imul(word ^ (word >>> 15), 0x846ca68b);
    return ((word ^ (word >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** `count` float32 values, uniform in [−1, 1). */
export function uniformValues(count: number, seed: number): Float32Array<ArrayBuffer> {
  const random = generator(seed);
  return Float32Array.from({ length: count }, () => 2 * random() - 1);
}

/**
 * Points in overlapping round clouds about random centres, row-major [pointCount, columnCount]. The first
 * `cloudCount` points lie in different clouds; of the others a share of `skew`, from 0 to 1, is put into the first one, and the
 * rest evenly into all.
 */
export function cloudPoints(
  pointCount: number,
  columnCount: number,
  cloudCount: number,
  seed: number,
  skew = 0,
): Float32Array<ArrayBuffer> {
  const random = generator(seed);
  // Draws of its own, so that points without skew stay what they are.
  const chance = generator(seed ^ 0x5eed);
  const centres = Float64Array.from({ length: cloudCount * columnCount }, () => 10 * random());
  const points = new Float32Array(pointCount * columnCount);
  for (let row = 0; row < pointCount; row++) {
    const cloud = row >= cloudCount && chance() < skew ? 0 : row % cloudCount;
    for (let column = 0; column < columnCount; column++) {
      const centre = centres[cloud * columnCount + column] ?? 0;
      // The sum of four uniform values is nearly normal, with a standard deviation of 0.58.
      points[row * columnCount + column] = centre + 2 * (random() + random() + random() + random() - 2);
    }
  }
  return points;
}

/** `count` different integers in [0, limit), ascending; all of them when `count` is as large as `limit`. */
export function sampleOf(limit: number, count: number, seed: number): number[] {
  if (count >= limit) return Array.from({ length: limit }, (_, index) => index);
  const random = generator(seed);
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(Math.floor(random() * limit));
  return [...chosen].sort((left, right) => left - right);
}
