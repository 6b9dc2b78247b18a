import { expect, it } from 'vitest';
import { readRows } from '../../../src/cluster/points/gather.ts';
import { preparePoints } from '../../../src/cluster/points/points.ts';
import { useEngine } from '../../support/engine.ts';
import { readPoints, spreadPoints, unpad } from '../support.ts';

const open = useEngine();

it.each([
  { rowCount: 1, columnCount: 1, rows: [0] },
  { rowCount: 5, columnCount: 3, rows: [4, 0, 4, 2] },
  { rowCount: 2500, columnCount: 5, rows: Array.from({ length: 131 }, (_, index) => (index * 1013) % 2500) },
])('rows of $rowCount × $columnCount points, wherever they are kept', async ({ rowCount, columnCount, rows }) => {
  const engine = await open();
  const source = { data: spreadPoints(rowCount, columnCount), rowCount, columnCount };
  // In parts of 1,024 rows, where there are as many.
  const points = await preparePoints(engine, source, 'test', { partBytes: 1024 * 32 });
  const coordinates = await readPoints(points);
  const expected = rows.flatMap((row) => [...coordinates.subarray(row * columnCount, (row + 1) * columnCount)]);
  expect([...unpad(await readRows(points, rows), columnCount)]).toEqual(expected);
  points.release();
});
