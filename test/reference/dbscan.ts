/** DBSCAN in float64, as scikit-learn labels it (scikit-learn 1.2.1, `DBSCAN`, `dbscan_inner`). */

export interface DbscanResult {
  /** Cluster of each point; -1 is noise. */
  readonly labels: Int32Array<ArrayBuffer>;
  readonly coreIndices: Int32Array<ArrayBuffer>;
  readonly clusters: number;
}

/** Whether the squared differences of two rows, added up column by column, are at most `limit`. */
function isWithin(points: ArrayLike<number>, a: number, b: number, columnCount: number, limit: number): boolean {
  let sum = 0;
  for (let column = 0; column < columnCount; column++) {
    const difference = (points[a * columnCount + column] as number) - (points[b * columnCount + column] as number);
    sum += difference * difference;
  }
  return sum <= limit;
}

/** Grows a cluster from each core point that has none, in the order of the rows, through the neighbours of core points. */
export function dbscan(
  points: ArrayLike<number>,
  columnCount: number,
  epsilon: number,
  minimumPoints: number,
): DbscanResult {
  const rowCount = points.length / columnCount;
  const limit = epsilon * epsilon;
  const neighbours = Array.from({ length: rowCount }, (_, row) => {
    const near: number[] = [];
    for (let other = 0; other < rowCount; other++) {
      if (isWithin(points, row, other, columnCount, limit)) near.push(other);
    }
    return near;
  });
  const isCore = (row: number): boolean => (neighbours[row]?.length ?? 0) >= minimumPoints;
  const labels = new Int32Array(rowCount).fill(-1);
  let clusters = 0;
  for (let start = 0; start < rowCount; start++) {
    if (labels[start] !== -1 || !isCore(start)) continue;
    const open = [start];
    labels[start] = clusters;
    for (let row = open.pop(); row !== undefined; row = open.pop()) {
      if (!isCore(row)) continue;
      for (const other of neighbours[row] ?? []) {
        if (labels[other] !== -1) continue;
        labels[other] = clusters;
        open.push(other);
      }
    }
    clusters++;
  }
  return { labels, coreIndices: Int32Array.from([...labels.keys()].filter(isCore)), clusters };
}
