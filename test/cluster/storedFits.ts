import { createRandom } from '../reference/random.ts';
import { blobPoints } from './support.ts';

/** Fits whose labels have the same hash on every adapter, and that hash. */
export const storedFits = [
  {
    name: 'blobs, k-means++',
    points: blobPoints(1, 3000, 5, 12),
    options: { clusters: 12, seed: 5 },
    hash: 'b96eb36a2c704ef6cff141288bfafffcd0b1698cde62b6ca38dea9aebbc2bde8',
  },
  {
    name: 'one cloud, random',
    points: { data: createRandom(5).uniformArray(6000), rowCount: 2000, columnCount: 3 },
    options: { clusters: 30, init: 'random', seed: 6 },
    hash: '8491211ee07644d011bd6d15ca4e7d2674185c7b2db2c6a8e96b780600e9547a',
  },
  {
    name: 'a lattice, first rows',
    points: { data: Float64Array.from(createRandom(7).integerArray(3000, 0, 9)), rowCount: 1500, columnCount: 2 },
    options: { clusters: 17, init: 'first', tolerance: 0 },
    hash: 'de174482b1372edfa780c9146965511d6c360d9b9fdce406ad2b9ae4fb2d4db4',
  },
  {
    name: 'forty columns',
    points: blobPoints(8, 500, 40, 6),
    options: { clusters: 6, seed: 9, tolerance: 0 },
    hash: '03eeddc8689f74917c84d6e7a16f5f7b43eda7b93a6da6d943e2010fda254cf5',
  },
] as const;
