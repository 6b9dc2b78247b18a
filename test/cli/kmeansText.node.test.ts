import { describe, expect, test } from 'vitest';
import type { KmeansReport } from '../../src/cli/jobs/kmeansResult.ts';
import { describeKmeans } from '../../src/cli/kmeansText.ts';
import { ArrayOutputs } from '../../src/cli/pointFiles.ts';

const report: KmeansReport = {
  inertia: 7.5,
  iterations: 4,
  converged: true,
  clusters: 2,
  sizes: [30, 10],
  labelsSha256: 'ab',
};

function linesOf(change: Partial<KmeansReport>, unit?: 'batches' | 'splits'): string[] {
  return describeKmeans({ ...report, ...change }, new ArrayOutputs({}, []), unit).split('\n');
}

describe('what people read of k-means', () => {
  test.each([
    [{}, undefined, 'iterations  4, converged'],
    [{ converged: false }, undefined, 'iterations  4, stopped before it converged (--max-iterations)'],
    [{ converged: false }, 'batches', 'batches     4, stopped before it converged (--max-iterations)'],
    [{ converged: false }, 'splits', 'splits      4, fewer than asked for: the points of each cluster are alike'],
  ] as const)('%j of %s: %s', (change, unit, line) => {
    expect(linesOf(change, unit)).toContain(line);
  });

  test.each([
    [{ rounds: 0, recheckShare: 0, gaveUp: true }, 'in 8 bits   no rounds: f32 is faster here for rows that short'],
    [{ rounds: 1, recheckShare: 0.5, gaveUp: false }, 'in 8 bits   1 round, 50 % of the points left to f32'],
    [{ rounds: 3, recheckShare: 0.125, gaveUp: false }, 'in 8 bits   3 rounds, 12.5 % of the points left to f32'],
  ])('%j: %s', (int8, line) => {
    expect(linesOf({ int8 })).toContain(line);
    expect(linesOf({}).join()).not.toContain('in 8 bits');
  });

  test('clusters with their shares', () => {
    expect(linesOf({}).slice(2, 4)).toEqual(['0            30   75 %', '1            10   25 %']);
  });
});
