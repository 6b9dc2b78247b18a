import type { HostPoints } from '../../src/cluster/points/points.ts';

/** Points of an oracle's CSV, and their true classes, which are its last column. */
export function oraclePoints(text: string): HostPoints & { readonly classes: Int32Array } {
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split(',').map(Number));
  return {
    data: Float64Array.from(rows.flatMap((row) => row.slice(0, -1))),
    rowCount: rows.length,
    columnCount: (rows[0]?.length ?? 1) - 1,
    classes: Int32Array.from(rows, (row) => row.at(-1) as number),
  };
}
