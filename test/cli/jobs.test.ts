import { describe, expect, test } from 'vitest';
import { DeviceLost, InvalidInput } from '../../src/base/errors.ts';
import { describeError, reviveError } from '../../src/cli/jobs/job.ts';
import { assertAssignment, assertSameInertia, assertUpdate } from '../../src/cli/jobs/kmeansReference.ts';
import { affordableRows, checkFloat, checkInteger } from '../../src/cli/jobs/matmulReference.ts';
import { cloudPoints, sampleOf, uniformValues } from '../../src/cli/jobs/sampleData.ts';
import { distributionOf, scaled } from '../../src/cli/jobs/timing.ts';
import { lloyd } from '../reference/cluster.ts';
import {
  chooseAsymmetric,
  chooseSymmetric,
  integerMatmul,
  parameterIndices,
  quantizeLinear,
} from '../reference/quant.ts';

const operands = { M: 5, K: 37, N: 7, x: uniformValues(5 * 37, 1), w: uniformValues(37 * 7, 2) };
const rows = [0, 1, 2, 3, 4];

/** The product of the quantized operands, from the references that the shaders are tested against. */
function integerProduct(bits: number): Float32Array {
  const { x, w, ...shape } = operands;
  const { indices, parameterCount } = parameterIndices([shape.K, shape.N], 1);
  const left = chooseAsymmetric(x, { bits: 8, signed: false });
  const right = chooseSymmetric(w, { bits, signed: true }, indices, parameterCount);
  const [zeroPointA = 0] = left.zeroPoints;
  const sums = integerMatmul(quantizeLinear(x, left), quantizeLinear(w, right), { ...shape, zeroPointA });
  return Float32Array.from(sums, (sum, index) => sum * (left.scales[0] ?? 0) * (right.scales[index % shape.N] ?? 0));
}

function floatProduct(): Float32Array {
  const { x, w, ...shape } = operands;
  return Float32Array.from(integerMatmul(x, w, shape));
}

describe('the checks of the matrix products', () => {
  test.each([8, 4])('an integer product of %i bits passes, one off by one step in one element does not', (bits) => {
    const product = integerProduct(bits);
    const check = checkInteger(operands, bits);
    expect(() => check(product, rows)).not.toThrow();
    const { x, w } = operands;
    const step = ((Math.max(...x) - Math.min(...x)) / 255) * (Math.max(...w) / (2 ** (bits - 1) - 1)) * 0.9;
    product[23] = (product[23] ?? 0) + step;
    expect(() => check(product, rows)).toThrow(/element \[3, 2\]/);
    expect(() => check(product, [0, 4])).not.toThrow();
  });

  test('a product with other weights than the bits say does not pass', () => {
    expect(() => checkInteger(operands, 8)(integerProduct(4), rows)).toThrow(/The product is wrong/);
  });

  test('a float product passes, one beyond the bound does not', () => {
    const product = floatProduct();
    const check = checkFloat(operands);
    expect(() => check(product, rows)).not.toThrow();
    product[34] = (product[34] ?? 0) + 1e-4;
    expect(() => check(product, rows)).toThrow(/element \[4, 6\]/);
  });

  test('neither do NaN nor a product of another size', () => {
    const check = checkFloat(operands);
    expect(() => check(new Float32Array(35).fill(Number.NaN), rows)).toThrow(/is NaN/);
    expect(() => check(new Float32Array(34), rows)).toThrow(/34 elements/);
  });

  test('all rows are checked up to 512³, some beyond', () => {
    const size = (extent: number) => ({ ...operands, M: extent, K: extent, N: extent });
    expect(affordableRows(size(512))).toBe(512);
    expect(affordableRows(size(1024))).toBe(128);
    expect(affordableRows(size(100_000))).toBe(1);
  });
});

describe('points in clouds', () => {
  const rows = 2000;
  const even = cloudPoints(rows, 2, 4, 5);
  const allInOne = cloudPoints(rows, 2, 4, 5, 1);

  test.each([
    [0, 0.25],
    [0.9, 0.925],
  ])('of a skew of %f, %f lie in the first', (skew, expected) => {
    const points = cloudPoints(rows, 2, 4, 5, skew);
    expect([...points.subarray(0, 8)]).toEqual([...even.subarray(0, 8)]);
    const inFirst = Array.from({ length: rows }, (_, row) => points[2 * row] === allInOne[2 * row]).filter(Boolean);
    expect(inFirst.length / rows).toBeCloseTo(expected, 1.5);
  });
});

describe('the checks of k-means', () => {
  const points = cloudPoints(300, 3, 4, 5);
  const start = points.slice(0, 12);
  const fitOf = (iterations: number) => {
    const { labels, centroids, inertia } = lloyd(points, 3, start, { tolerance: 0, maxIterations: iterations });
    const sizes = new Int32Array(4);
    for (const label of labels) sizes[label] = (sizes[label] ?? 0) + 1;
    return { labels, centroids, inertia, sizes };
  };

  test('a fit passes', () => {
    expect(assertAssignment(points, 3, fitOf(2))).toBe(300);
    expect(() => assertUpdate(points, 3, fitOf(2).labels, fitOf(3).centroids)).not.toThrow();
  });

  test('a wrong label does not', () => {
    const fit = fitOf(2);
    const label = fit.labels[7] ?? 0;
    const other = (label + 1) % 4;
    fit.labels[7] = other;
    expect(() => assertAssignment(points, 3, fit)).toThrow(/the labels count/);
    fit.sizes[label] = (fit.sizes[label] ?? 0) - 1;
    fit.sizes[other] = (fit.sizes[other] ?? 0) + 1;
    expect(() => assertAssignment(points, 3, fit)).toThrow(/its inertia is/);
    const inertia = fit.labels.reduce(
      (sum, cluster, row) =>
        sum +
        [0, 1, 2].reduce((part, axis) => {
          const difference = (points[row * 3 + axis] ?? 0) - (fit.centroids[cluster * 3 + axis] ?? 0);
          return part + difference ** 2;
        }, 0),
      0,
    );
    expect(() => assertAssignment(points, 3, { ...fit, inertia })).toThrow(/point 7 is in cluster/);
  });

  test('nor does a centroid that is no mean', () => {
    const { labels } = fitOf(2);
    const { centroids } = fitOf(3);
    centroids[4] = (centroids[4] ?? 0) + 1e-3;
    expect(() => assertUpdate(points, 3, labels, centroids)).toThrow(/coordinate 1 of centroid 1/);
  });

  test('centroids that are worse than ours do not', () => {
    const { centroids } = fitOf(3);
    const compare = (theirs: Float64Array) => assertSameInertia(points, 3, 'theirs', theirs, centroids);
    expect(() => compare(Float64Array.from(Float32Array.from(centroids)))).not.toThrow();
    expect(() => compare(centroids.map((value, index) => (index === 4 ? value + 1 : value)))).toThrow(
      /of theirs have the inertia/,
    );
    expect(() => compare(centroids.slice(3))).toThrow(/of theirs have the inertia/);
    expect(() => compare(centroids.map(() => Number.NaN))).toThrow(/of theirs have the inertia/);
  });
});

describe('the figures', () => {
  test('a distribution has the middle, the ends and the count', () => {
    expect(distributionOf([5])).toEqual({ median: 5, min: 5, max: 5, runs: 1 });
    expect(distributionOf([9, 1, 4])).toEqual({ median: 4, min: 1, max: 9, runs: 3 });
    expect(distributionOf([9, 1, 4, 6])).toEqual({ median: 5, min: 1, max: 9, runs: 4 });
    expect(scaled(distributionOf([9, 1, 4]), 0.5)).toEqual({ median: 2, min: 0.5, max: 4.5, runs: 3 });
  });

  test('a sample is of different rows, and of all where so many are asked for', () => {
    const sample = sampleOf(1000, 100, 3);
    expect(new Set(sample).size).toBe(100);
    expect(sample.every((row) => Number.isInteger(row) && row >= 0 && row < 1000)).toBe(true);
    expect(sampleOf(5, 9, 3)).toEqual([0, 1, 2, 3, 4]);
  });

  test('the same seed gives the same operands, another seed others', () => {
    expect(uniformValues(50, 7)).toEqual(uniformValues(50, 7));
    expect(uniformValues(50, 8)).not.toEqual(uniformValues(50, 7));
    expect(Math.max(...uniformValues(1000, 7).map(Math.abs))).toBeLessThan(1);
  });
});

describe('errors between a page and the command line', () => {
  test.each([new InvalidInput('bad'), new DeviceLost('gone')])('$name keeps class and message', (error) => {
    const revived = reviveError(JSON.parse(JSON.stringify(describeError(error))));
    expect(revived).toBeInstanceOf(error.constructor);
    expect(revived.message).toBe(error.message);
  });

  test('an unexpected error is internal, and keeps its stack', () => {
    const error = new TypeError('oops');
    expect(describeError(error)).toEqual({ code: 'Internal', message: 'oops', stack: error.stack });
    expect(reviveError(describeError(error)).stack).toBe(error.stack);
    expect(describeError('text')).toEqual({ code: 'Internal', message: 'text' });
  });
});
