import type { HostPoints } from '../../src/cluster/points.ts';

/** Points of an oracle's CSV, whose last column is the class. */
export function oraclePoints(text: string): HostPoints {
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split(',').slice(0, -1).map(Number));
  return { data: Float64Array.from(rows.flat()), rowCount: rows.length, columnCount: rows[0]?.length ?? 0 };
}
