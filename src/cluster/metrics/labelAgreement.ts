import { ShapeMismatch } from '../../base/errors.ts';
import { codesOf } from './labelCodes.ts';

/** How often each pair of labels occurs, and each label. */
interface Contingency {
  readonly count: number;
  readonly pairs: readonly { readonly a: number; readonly b: number; readonly count: number }[];
  readonly a: Int32Array;
  readonly b: Int32Array;
}

function contingencyOf(first: ArrayLike<number>, second: ArrayLike<number>, what: string): Contingency {
  if (first.length !== second.length || first.length === 0) {
    throw new ShapeMismatch(
      `${what}: ${first.length} labels against ${second.length}; give two labels for each of at least one point.`,
    );
  }
  const [a, b] = [codesOf(first, what), codesOf(second, what)];
  const codes = new Float64Array(first.length);
  for (let point = 0; point < codes.length; point++) {
    codes[point] = (a.codes[point] as number) * b.sizes.length + (b.codes[point] as number);
  }
  const { codes: pairOf, sizes } = codesOf(codes, what);
  const pairs: { a: number; b: number; count: number }[] = [];
  for (let point = 0, found = 0; found < sizes.length; point++) {
    const pair = pairOf[point] as number;
    if (pairs[pair]) continue;
    found++;
    pairs[pair] = { a: a.codes[point] as number, b: b.codes[point] as number, count: sizes[pair] as number };
  }
  return { count: first.length, pairs, a: a.sizes, b: b.sizes };
}

/**
 * The adjusted Rand index of two labellings (L. Hubert, P. Arabie, 1985): the share of pairs of points on which they agree,
 * 1 for the same partition, 0 on average for random ones. Labels are any integers; noise (−1) is a label as any other.
 * @throws ShapeMismatch, InvalidInput
 */
export function adjustedRand(first: ArrayLike<number>, second: ArrayLike<number>): number {
  const { count, pairs, a, b } = contingencyOf(first, second, 'adjustedRand');
  const pairsWithin = (sizes: Iterable<number>) => {
    let sum = 0;
    for (const size of sizes) sum += (size * (size - 1)) / 2;
    return sum;
  };
  const both = pairsWithin(pairs.map((pair) => pair.count));
  const [inA, inB] = [pairsWithin(a), pairsWithin(b)];
  const expected = count > 1 ? (inA / ((count * (count - 1)) / 2)) * inB : 0;
  const most = (inA + inB) / 2;
  // Both put all points together, or all apart.
  return most === expected ? 1 : (both - expected) / (most - expected);
}

/**
 * The mutual information of two labellings over the mean of their entropies (scikit-learn's default), from 0 to 1. Labels
 * are any integers; noise (−1) is a label as any other.
 * @throws ShapeMismatch, InvalidInput
 */
export function normalizedMutualInformation(first: ArrayLike<number>, second: ArrayLike<number>): number {
  const { count, pairs, a, b } = contingencyOf(first, second, 'normalizedMutualInformation');
  if (a.length === 1 && b.length === 1) return 1;
  const entropy = (sizes: Int32Array) => sizes.reduce((sum, size) => sum - (size / count) * Math.log(size / count), 0);
  const information = pairs.reduce((sum, pair) => {
    const share = (a[pair.a] as number) * (b[pair.b] as number);
    return sum + (pair.count / count) * Math.log((pair.count * count) / share);
  }, 0);
  return Math.min(1, Math.max(0, information) / ((entropy(a) + entropy(b)) / 2));
}
