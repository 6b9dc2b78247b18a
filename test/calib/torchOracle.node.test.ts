/**
 * Histograms as NumPy 1.24.2 counts them (`histogram` with our cells as its bins), and ranges that PyTorch 1.13 chooses
 * (`HistogramObserver` with 2,048 bins, `dst_nbins` 2ⁿ, quint8 affine: `_non_linear_param_search`), both computed once.
 */
import { expect, test } from 'vitest';
import { rangesOf } from '../../src/calib/rangesOf.ts';
import { meanSquare, referenceHistogram, referenceQuantized } from '../reference/calib.ts';

const steps = Array.from({ length: 10_007 }, (_, index) => (((index * 7919) % 10_007) - 5003) / 5003);

const oracles = [
  {
    name: 'cubes',
    data: steps.map((t) => Math.fround(t * t * t * 8 + t * 0.5)),
    numpy: { exponent: -6, first: -544, cells: 1089, weighted: 5_448_268, some: { 0: 4, 363: 7, 544: 154, 1088: 1 } },
    torch: { 8: [-8.5, 8.49169921875], 4: [-8.5, 7.74462890625] },
  },
  {
    name: 'ramp',
    data: steps.map((t) => Math.fround(Math.max(t * t * t * 6 - 1, 0))),
    numpy: { exponent: -8, first: 0, cells: 1281, weighted: 1_170_765, some: { 0: 3, 427: 2, 640: 1, 1280: 1 } },
    torch: { 8: [0, 4.98046875], 4: [0, 4.6142578125] },
  },
  {
    name: 'tail',
    data: steps.map((t, index) => Math.fround(index % 1000 === 7 ? t * 40 : t)),
    numpy: { exponent: -5, first: -688, cells: 1871, weighted: 6_891_548, some: { 0: 1, 623: 0, 935: 0, 1870: 1 } },
    torch: { 8: [-18.850378036499023, 34.785560607910156], 4: [-18.850378036499023, 36.953826904296875] },
  },
] as const;

test.each(oracles)('counts of $name as in NumPy', ({ data, numpy }) => {
  const { exponent, first, counts } = referenceHistogram(data);
  expect({ exponent, first, cells: counts.length }).toEqual({
    exponent: numpy.exponent,
    first: numpy.first,
    cells: numpy.cells,
  });
  expect(counts.reduce((sum, count, cell) => sum + count * (cell + 1), 0)).toBe(numpy.weighted);
  for (const [cell, count] of Object.entries(numpy.some)) expect(counts[Number(cell)]).toBe(count);
});

test.each(oracles)('the squared error of $name is at most that of the range PyTorch chooses', ({ data, torch }) => {
  const statistics = {
    method: 'mse',
    values: { x: { minimum: [], maximum: [], batches: 1, histograms: [referenceHistogram(data)] } },
  } as const;
  for (const bits of [8, 4] as const) {
    const errorOf = (minimum = Number.NaN, maximum = Number.NaN) =>
      meanSquare(data, referenceQuantized(data, { minimum, maximum }, bits, false));
    const { minimum, maximum } = rangesOf(statistics, { bits }).x ?? {};
    // Equal but for where the bins of both lie.
    expect(errorOf(minimum?.[0], maximum?.[0])).toBeLessThan(1.005 * errorOf(...torch[bits]));
  }
});
