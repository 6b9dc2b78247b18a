import { assignSuite } from './assignSuite.ts';

const cases = [
  { rowCount: 513, columnCount: 5, clusterCount: 8 },
  { rowCount: 130, columnCount: 9, clusterCount: 4 },
  { rowCount: 130, columnCount: 16, clusterCount: 33 },
  { rowCount: 100, columnCount: 17, clusterCount: 7 },
  { rowCount: 100, columnCount: 21, clusterCount: 2 },
  { rowCount: 100, columnCount: 27, clusterCount: 6 },
  { rowCount: 90, columnCount: 32, clusterCount: 9 },
  { rowCount: 90, columnCount: 33, clusterCount: 9 },
  { rowCount: 600, columnCount: 40, clusterCount: 5 },
  { rowCount: 20, columnCount: 130, clusterCount: 12 },
];

for (const form of ['expanded', 'direct'] as const) {
  for (const software of [true, false]) assignSuite({ form, software }, cases);
}
