import { expect, it } from 'vitest';
import { InvalidInput } from '../../../src/base/errors.ts';
import { Dendrogram } from '../../../src/cluster/hierarchy/dendrogram.ts';

/** 0 and 3 at height 1, 1 and 2 at 2, both at 5, and 4 at 5 as well; the parts of the merges are given by any leaf. */
const dendrogram = new Dendrogram(
  { left: Int32Array.of(1, 3, 2, 4), right: Int32Array.of(2, 0, 0, 1), heights: Float64Array.of(2, 1, 5, 5) },
  { leafOf: Int32Array.of(0, 1, 2, 3, 4), leafSizes: Int32Array.of(1, 1, 1, 1, 1) },
);

it('children are numbered as scikit-learn does', () => {
  expect([...dendrogram.children]).toEqual([0, 3, 1, 2, 5, 6, 4, 7]);
  expect([...dendrogram.distances]).toEqual([1, 2, 5, 5]);
});

it('the linkage matrix is SciPy’s', () => {
  expect([...dendrogram.linkageMatrix()]).toEqual([0, 3, 1, 2, 1, 2, 2, 2, 5, 6, 5, 4, 4, 7, 5, 5]);
});

it('leaves in the order of a drawing', () => {
  expect([...dendrogram.leafOrder()]).toEqual([4, 0, 3, 1, 2]);
});

it.each([
  [{ clusters: 1 }, [0, 0, 0, 0, 0]],
  [{ clusters: 2 }, [0, 0, 0, 0, 1]],
  [{ clusters: 3 }, [0, 1, 1, 0, 2]],
  [{ clusters: 5 }, [0, 1, 2, 3, 4]],
  [{ height: 0 }, [0, 1, 2, 3, 4]],
  [{ height: 1 }, [0, 1, 2, 3, 4]],
  [{ height: 1.5 }, [0, 1, 2, 0, 3]],
  [{ height: 5 }, [0, 1, 1, 0, 2]],
  [{ height: Number.POSITIVE_INFINITY }, [0, 0, 0, 0, 0]],
])('cut at %j', (cut, expected) => {
  expect([...dendrogram.labelsAt(cut)]).toEqual(expected);
});

it('points that share a leaf share its cluster and count for its size', () => {
  const shared = new Dendrogram(
    { left: Int32Array.of(0), right: Int32Array.of(1), heights: Float64Array.of(3) },
    { leafOf: Int32Array.of(1, 1, 0), leafSizes: Int32Array.of(1, 2) },
  );
  expect([...shared.labelsAt({ clusters: 2 })]).toEqual([0, 0, 1]);
  expect([...shared.linkageMatrix()]).toEqual([0, 1, 3, 3]);
});

it.each([{ clusters: 0 }, { clusters: 6 }, { clusters: 1.5 }, { height: -1 }, { height: Number.NaN }])(
  'there is no cut at %j',
  (cut) => {
    expect(() => dendrogram.labelsAt(cut)).toThrow(InvalidInput);
  },
);
