/** Hierarchical clustering by its definition, in float64: always the closest pair merges. */
import type { Linkage } from '../../src/cluster/hierarchy/linkage.ts';

/** A merge of two clusters, by their points, ascending. */
export interface ReferenceMerge {
  readonly height: number;
  readonly points: readonly number[];
}

function distance(points: ArrayLike<number>, a: number, b: number, columnCount: number): number {
  let sum = 0;
  for (let column = 0; column < columnCount; column++) {
    sum += ((points[a * columnCount + column] as number) - (points[b * columnCount + column] as number)) ** 2;
  }
  return Math.sqrt(sum);
}

function mean(points: ArrayLike<number>, cluster: readonly number[], columnCount: number): number[] {
  return Array.from({ length: columnCount }, (_, column) =>
    cluster.reduce((sum, point) => sum + (points[point * columnCount + column] as number) / cluster.length, 0),
  );
}

function between(
  points: ArrayLike<number>,
  a: readonly number[],
  b: readonly number[],
  columnCount: number,
  linkage: Linkage,
): number {
  if (linkage === 'ward') {
    const apart = distance([...mean(points, a, columnCount), ...mean(points, b, columnCount)], 0, 1, columnCount);
    return Math.sqrt((2 * a.length * b.length) / (a.length + b.length)) * apart;
  }
  const all = a.flatMap((left) => b.map((right) => distance(points, left, right, columnCount)));
  if (linkage === 'average') return all.reduce((sum, one) => sum + one, 0) / all.length;
  return linkage === 'complete' ? Math.max(...all) : Math.min(...all);
}

/** The merges in their order, over row-major [rows, columnCount]. */
export function linkByDefinition(points: ArrayLike<number>, columnCount: number, linkage: Linkage): ReferenceMerge[] {
  const clusters = Array.from({ length: points.length / columnCount }, (_, row) => [row]);
  const merges: ReferenceMerge[] = [];
  while (clusters.length > 1) {
    let closest = { a: 0, b: 0, height: Number.POSITIVE_INFINITY };
    for (let a = 0; a < clusters.length; a++) {
      for (let b = a + 1; b < clusters.length; b++) {
        const height = between(points, clusters[a] ?? [], clusters[b] ?? [], columnCount, linkage);
        if (height < closest.height) closest = { a, b, height };
      }
    }
    const [gone = []] = clusters.splice(closest.b, 1);
    const merged = [...(clusters[closest.a] ?? []), ...gone].sort((left, right) => left - right);
    clusters[closest.a] = merged;
    merges.push({ height: closest.height, points: merged });
  }
  return merges;
}
