/** Measures of clusterings in float64, by their definitions. */

function distance(points: ArrayLike<number>, a: number, b: number, columnCount: number): number {
  let sum = 0;
  for (let column = 0; column < columnCount; column++) {
    sum += ((points[a * columnCount + column] as number) - (points[b * columnCount + column] as number)) ** 2;
  }
  return Math.sqrt(sum);
}

/** The silhouette of each row of [rows, columnCount]. */
export function silhouettes(points: ArrayLike<number>, columnCount: number, labels: readonly number[]): number[] {
  return labels.map((own, row) => {
    const sums = new Map<number, { total: number; count: number }>();
    labels.forEach((label, other) => {
      if (other === row) return;
      const sum = sums.get(label) ?? { total: 0, count: 0 };
      sums.set(label, { total: sum.total + distance(points, row, other, columnCount), count: sum.count + 1 });
    });
    const inside = sums.get(own);
    if (!inside) return 0;
    sums.delete(own);
    const a = inside.total / inside.count;
    const b = Math.min(...[...sums.values()].map(({ total, count }) => total / count));
    return a === b ? 0 : (b - a) / Math.max(a, b);
  });
}

interface Cluster {
  readonly rows: readonly number[];
  readonly mean: readonly number[];
}

function clustersOf(points: ArrayLike<number>, columnCount: number, labels: readonly number[]): Cluster[] {
  return [...new Set(labels)].map((own) => {
    const rows = [...labels.keys()].filter((row) => labels[row] === own);
    const mean = Array.from({ length: columnCount }, (_, column) =>
      rows.reduce((sum, row) => sum + (points[row * columnCount + column] as number) / rows.length, 0),
    );
    return { rows, mean };
  });
}

function toMean(points: ArrayLike<number>, row: number, mean: readonly number[]): number {
  const columnCount = mean.length;
  const own = Array.from({ length: columnCount }, (_, column) => points[row * columnCount + column] as number);
  return distance([...own, ...mean], 0, 1, columnCount);
}

/** The Davies–Bouldin index of different means. */
export function daviesBouldin(points: ArrayLike<number>, columnCount: number, labels: readonly number[]): number {
  const clusters = clustersOf(points, columnCount, labels).map(({ rows, mean }) => ({
    mean,
    radius: rows.reduce((sum, row) => sum + toMean(points, row, mean), 0) / rows.length,
  }));
  const worst = clusters.map((a) =>
    Math.max(
      ...clusters
        .filter((b) => b !== a)
        .map((b) => (a.radius + b.radius) / distance([...a.mean, ...b.mean], 0, 1, columnCount)),
    ),
  );
  return worst.reduce((sum, value) => sum + value, 0) / worst.length;
}

/** The Calinski–Harabasz index. */
export function calinskiHarabasz(points: ArrayLike<number>, columnCount: number, labels: readonly number[]): number {
  const clusters = clustersOf(points, columnCount, labels);
  const [all] = clustersOf(
    points,
    columnCount,
    labels.map(() => 0),
  );
  const centre = all?.mean ?? [];
  let [between, within] = [0, 0];
  for (const { rows, mean } of clusters) {
    between += rows.length * distance([...mean, ...centre], 0, 1, columnCount) ** 2;
    for (const row of rows) within += toMean(points, row, mean) ** 2;
  }
  return between / (clusters.length - 1) / (within / (labels.length - clusters.length));
}
