import { describe, expect, it } from 'vitest';
import { ShapeMismatch } from '../../../src/base/errors.ts';
import { adjustedRand, normalizedMutualInformation } from '../../../src/cluster/metrics/labelAgreement.ts';
import digitsText from '../../oracles/digits.csv?raw';
import digitsOracle from '../../oracles/digits.json';
import irisText from '../../oracles/iris.csv?raw';
import irisOracle from '../../oracles/iris.json';
import moonsText from '../../oracles/moons.csv?raw';
import moonsOracle from '../../oracles/moons.json';
import { oraclePoints } from '../oraclePoints.ts';

it.each([
  { name: 'iris', text: irisText, oracle: irisOracle },
  { name: 'digits', text: digitsText, oracle: digitsOracle },
  { name: 'moons', text: moonsText, oracle: moonsOracle },
])('$name: the adjusted Rand index of scikit-learn', ({ text, oracle }) => {
  const value = adjustedRand(oracle.kmeans.labels, oraclePoints(text).classes);
  expect(value).toBeCloseTo(oracle.metrics.adjustedRandAgainstTruth, 10);
});

describe.each([adjustedRand, normalizedMutualInformation])('%o', (agreement) => {
  it('is 1 for the same partition under other names, noise included', () => {
    expect(agreement([0, 0, 1, 1, -1], [7, 7, -3, -3, 0])).toBeCloseTo(1, 12);
    expect(agreement([4, 4, 4], [1, 1, 1])).toBe(1);
    expect(agreement([0, 1, 2], [2, 1, 0])).toBeCloseTo(1, 12);
    expect(agreement([5], [6])).toBe(1);
  });

  it('does not depend on the numbers, near or far apart', () => {
    const near = [3, 3, 4, 5, 4, 4, 3];
    const far = near.map((label) => (label - 4) * 2 ** 40);
    const other = [0, 0, 1, 1, 1, 0, 0];
    expect(agreement(far, other)).toBe(agreement(near, other));
    expect(agreement(other, far)).toBe(agreement(other, near));
    expect(agreement(near, other)).toBeLessThan(1);
  });

  it('is 0 where one puts everything together', () => {
    expect(agreement([0, 0, 0, 0], [0, 0, 1, 1])).toBe(0);
  });

  it('is the same both ways', () => {
    const [a, b] = [
      [0, 0, 1, 1, 2, 2],
      [0, 0, 1, 2, 2, 2],
    ] as const;
    expect(agreement(a, b)).toBeCloseTo(agreement(b, a), 14);
  });

  it('needs as many labels', () => {
    expect(() => agreement([0, 1], [0])).toThrow(ShapeMismatch);
    expect(() => agreement([], [])).toThrow(ShapeMismatch);
  });
});

it('values by hand', () => {
  // Pairs together: 2 in both, 3 and 4 in each, of 15; expected 0.8.
  expect(adjustedRand([0, 0, 1, 1, 2, 2], [0, 0, 1, 2, 2, 2])).toBeCloseTo((2 - 0.8) / (3.5 - 0.8), 12);
  // One bit of two.
  expect(normalizedMutualInformation([0, 0, 1, 1], [0, 1, 2, 3])).toBeCloseTo(2 / 3, 12);
});
