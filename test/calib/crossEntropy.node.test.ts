import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { allAtOnce } from '../../src/base/pieces.ts';
import { crossEntropyError, crossEntropyRange } from '../../src/calib/crossEntropy.ts';
import { rangesOf } from '../../src/calib/rangesOf.ts';
import type { CalibrationStatistics } from '../../src/calib/statistics.ts';
import { hostParameters } from '../../src/quant/hostParameters.ts';
import type { CodeFormat } from '../../src/quant/parameters.ts';
import { referenceCrossEntropy, referenceHistogram, referenceQuantized } from '../reference/calib.ts';
import { agreement } from '../reference/logits.ts';
import { createRandom } from '../reference/random.ts';

const random = createRandom(77);
/** Rows like a language model's: some tokens far above the rest, most of which are unlikely, a few extremely so. */
const rows = Array.from({ length: 40 }, () => {
  const row = random.normalArray(300, -4, 1.5);
  for (let likely = 0; likely < 12; likely++) row[random.integer(0, 299)] = Math.fround(9 * random.uniform());
  row[random.integer(0, 299)] = Math.fround(-15 - 10 * random.uniform());
  return Array.from(row);
});
const all = rows.flat();
const whole = { minimum: Math.min(...all), maximum: Math.max(...all) };

const formatOf = (bits: number, scheme: CodeFormat['scheme']): CodeFormat => ({
  bits,
  signed: scheme === 'symmetric',
  scheme,
});

test.each(['asymmetric', 'symmetric'] as const)('the cost is the cross-entropy, %s', (scheme) => {
  for (const bits of [2, 5, 8]) {
    const errorOf = crossEntropyError(rows, formatOf(bits, scheme));
    for (const range of [whole, { minimum: -3, maximum: 8 }, { minimum: 0, maximum: 7.5 }]) {
      const expected = rows.reduce(
        (sum, row) => sum + referenceCrossEntropy(row, referenceQuantized(row, range, bits, scheme === 'symmetric')),
        0,
      );
      const found = errorOf(hostParameters(range.minimum, range.maximum, formatOf(bits, scheme)));
      expect(Math.abs(found / expected - 1)).toBeLessThan(1e-5);
    }
  }
});

/** Real logits, where the folder of shared data lies beside the repository. */
const oracle = new URL('../../../shared/oracles/dreams-260k.json', import.meta.url);
interface Oracle {
  readonly steps: readonly { readonly logits: readonly number[] }[];
}
const logitSets = [
  { name: 'drawn at random', set: rows },
  ...(existsSync(oracle)
    ? [
        {
          name: 'dreams-260k.json',
          set: (JSON.parse(readFileSync(oracle, 'utf8')) as Oracle).steps.map(({ logits }) => logits),
        },
      ]
    : []),
];

test.each(logitSets)('top-1 and top-p of logits, compared with minmax: $name', ({ set }) => {
  const values = set.flat();
  const all = { minimum: Math.min(...values), maximum: Math.max(...values) };
  for (const bits of [8, 6, 4]) {
    const range = allAtOnce(crossEntropyRange(set, all, formatOf(bits, 'asymmetric')));
    const [plain, chosen] = [all, range].map((each) =>
      agreement(
        set,
        set.map((row) => referenceQuantized(row, each, bits, false)),
      ),
    );
    if (!plain || !chosen) throw new Error('There are two.');
    expect(chosen.top1).toBeGreaterThanOrEqual(plain.top1);
    expect(chosen.order).toBeGreaterThanOrEqual(plain.order);
    if (bits < 8) expect(chosen.top1 + chosen.order).toBeGreaterThan(plain.top1 + plain.order + 0.005);
  }
});

test('values with rows by cross-entropy, others by squared error', () => {
  const histograms = [referenceHistogram(all)];
  const sample = { length: 300, rows: rows.map((logits, priority) => ({ priority: priority + 1, logits })) };
  const empty = { minimum: [0], maximum: [0], batches: 1, histograms };
  const statistics: CalibrationStatistics = {
    method: 'cross-entropy',
    values: {
      logits: { ...empty, rows: [sample] },
      hidden: empty,
      channels: { ...empty, histograms: [...histograms, ...histograms], rows: [sample] },
    },
  };
  const { logits, hidden, channels } = rangesOf(statistics, { bits: 4 });
  const range = allAtOnce(crossEntropyRange(rows, whole, formatOf(4, 'asymmetric')));
  expect(logits).toEqual({ minimum: [range.minimum], maximum: [range.maximum] });
  expect(hidden).toEqual(rangesOf(statistics, { bits: 4, method: 'mse' }).hidden);
  expect(hidden).not.toEqual(logits);
  // Rows do not tell the ranges of channels.
  expect(channels?.minimum).toEqual([hidden?.minimum[0], hidden?.minimum[0]]);
});
