import { describe, expect, it } from 'vitest';
import { referenceRound } from '../../../src/cli/jobs/gaussianMixtureReference.ts';
import { momentLayoutOf } from '../../../src/cluster/mixture/gaussianMixtureLayout.ts';
import {
  type CovarianceType,
  type MixtureModel,
  mixtureModel,
  packMeans,
  packModel,
} from '../../../src/cluster/mixture/gaussianMixtureModel.ts';
import { GaussianMixturePass } from '../../../src/cluster/mixture/gaussianMixturePass.ts';
import { preparePoints } from '../../../src/cluster/points/points.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { blobs, readPoints } from '../support.ts';

const open = useEngine();

interface Case {
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
  readonly type: CovarianceType;
  /** Smaller ones than usual, so that a set takes several. */
  readonly windowBytes?: number;
  readonly partBytes?: number;
  /** The form for many points on the CPU; these are too few for it. */
  readonly wide?: true;
}

const cases: readonly Case[] = [
  { rows: 1, columns: 1, components: 1, type: 'full' },
  { rows: 3, columns: 3, components: 2, type: 'full' },
  { rows: 257, columns: 4, components: 3, type: 'full' },
  { rows: 255, columns: 5, components: 7, type: 'tied' },
  { rows: 260, columns: 17, components: 2, type: 'full' },
  { rows: 600, columns: 2, components: 5, type: 'full', windowBytes: 1 },
  { rows: 1300, columns: 3, components: 2, type: 'tied', windowBytes: 2 * 4 * 512, partBytes: 1 },
  { rows: 1, columns: 1, components: 1, type: 'diag' },
  { rows: 513, columns: 7, components: 4, type: 'diag' },
  { rows: 130, columns: 65, components: 3, type: 'spherical' },
  { rows: 1030, columns: 8, components: 3, type: 'diag', windowBytes: 1, partBytes: 1 },
  { rows: 600, columns: 6, components: 3, type: 'full', windowBytes: 1, wide: true },
  { rows: 70, columns: 20, components: 2, type: 'full', wide: true },
  { rows: 518, columns: 7, components: 4, type: 'diag', wide: true },
  { rows: 130, columns: 18, components: 3, type: 'diag', wide: true },
];

/** A mixture that is not the points' own, of random symmetric covariances. */
function randomModel({ columns, components, type }: Case, seed: number): MixtureModel {
  const random = createRandom(seed);
  const matrix = () => {
    const lower = Float64Array.from({ length: columns ** 2 }, (_, index) => {
      const [row, column] = [Math.floor(index / columns), index % columns];
      return column > row ? 0 : column === row ? 0.5 + random.uniform() : (0.3 * random.normal()) / columns;
    });
    return Array.from({ length: columns ** 2 }, (_, index) => {
      const [row, column] = [Math.floor(index / columns), index % columns];
      let sum = 0;
      for (let k = 0; k < columns; k++)
        sum += (lower[row * columns + k] as number) * (lower[column * columns + k] as number);
      return sum;
    });
  };
  const variances = (count: number) => Array.from({ length: count }, () => 0.2 + random.uniform());
  const covariances = {
    full: () => Array.from({ length: components }, matrix).flat(),
    tied: matrix,
    diag: () => variances(components * columns),
    spherical: () => variances(components),
  }[type]();
  const weights = Float64Array.from({ length: components }, () => 0.1 + random.uniform());
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return mixtureModel(
    { componentCount: components, columnCount: columns, covarianceType: type, regularization: 0 },
    {
      weights: weights.map((weight) => weight / total),
      means: Float64Array.from({ length: components * columns }, () => 2 * random.normal()),
      covariances: Float64Array.from(covariances),
    },
  );
}

/** Runs `work` with a pass over random points, relative to the centre of their frame. */
async function withPass(
  { rows, columns, components, type, windowBytes, partBytes, wide }: Case,
  work: (pass: GaussianMixturePass, points: Float64Array<ArrayBuffer>, exponent: number) => Promise<void>,
): Promise<void> {
  const data = blobs(rows + columns, rows, columns, 4, 1);
  const source = { data, rowCount: rows, columnCount: columns };
  const prepared = await preparePoints(await open(), source, 'test', partBytes === undefined ? {} : { partBytes });
  try {
    const full = type === 'full' || type === 'tied';
    const pass = new GaussianMixturePass(prepared, { componentCount: components, full, windowBytes, wide });
    const { exponent } = prepared.frame;
    try {
      const framed = await readPoints(prepared);
      await work(
        pass,
        Float64Array.from(framed, (value) => value / 2 ** exponent),
        exponent,
      );
    } finally {
      pass.release();
    }
  } finally {
    prepared.release();
  }
}

/** Sums of r z zᵀ in float64 and of their magnitudes, where `pass` puts them. */
function momentsOf(
  { columns, components, type }: Case,
  points: Float64Array,
  centres: Float32Array,
  exponent: number,
  responsibilities: (row: number, component: number) => number,
) {
  const full = type === 'full' || type === 'tied';
  const { secondVectors, vectors, totalVectors } = momentLayoutOf(columns, full);
  const length = components * totalVectors * 4;
  const [sums, magnitudes] = [new Float64Array(length), new Float64Array(length)];
  const rowFloats = vectors * 4;
  const z = (row: number, component: number, column: number) =>
    (column < columns ? (points[row * columns + column] as number) * 2 ** exponent : 0) -
    (centres[component * rowFloats + column] as number);
  const add = (index: number, value: number) => {
    sums[index] = (sums[index] as number) + value;
    magnitudes[index] = (magnitudes[index] as number) + Math.abs(value);
  };
  for (let row = 0; row < points.length / columns; row++) {
    for (let component = 0; component < components; component++) {
      const weight = responsibilities(row, component);
      const start = component * totalVectors * 4;
      add(start + secondVectors * 4 + rowFloats, weight);
      for (let i = 0; i < rowFloats; i++) {
        add(start + secondVectors * 4 + i, weight * z(row, component, i));
        if (!full) add(start + i, weight * z(row, component, i) ** 2);
        if (!full) continue;
        const above = Math.floor(i / 4);
        for (let j = 0; j < (above + 1) * 4; j++) {
          const block = (above * (above + 1)) / 2 + Math.floor(j / 4);
          const place = start + block * 16 + (j % 4) * 4 + (i % 4);
          add(place, weight * z(row, component, i) * z(row, component, j));
        }
      }
    }
  }
  return { sums, magnitudes };
}

const title =
  '$rows × $columns, $components components, $type, windows of $windowBytes bytes, parts of $partBytes, wide: $wide';

describe('a pass against float64', () => {
  it.each(cases)(title, async (given) => {
    const model = randomModel(given, given.rows);
    await withPass(given, async (pass, points, exponent) => {
      const { columns: columnCount, components, type: covariance } = given;
      const round = referenceRound({ points, columnCount, covariance, regularization: 0 }, model);
      const packed = packModel(model, exponent);
      const centres = packMeans(
        model.means.map((mean) => 0.9 * mean + 0.1),
        columnCount,
        exponent,
      );
      const { logLikelihood, moments } = await pass.totals(packed, centres);
      // Densities are exponentials of distances, whose float32 errors grow with them.
      expect(Math.abs(logLikelihood / round.scores.length - round.meanLogLikelihood)).toBeLessThan(
        2e-6 * (1 + Math.abs(round.meanLogLikelihood)),
      );
      const share = (row: number, component: number) => round.responsibilities[row * components + component] as number;
      const expected = momentsOf(given, points, centres, exponent, share);
      expect(moments.length).toBe(expected.sums.length);
      for (const [index, sum] of expected.sums.entries()) {
        const bound = 3e-5 * (expected.magnitudes[index] as number) + 1e-6;
        expect(Math.abs((moments[index] as number) - sum), `moment ${index}`).toBeLessThanOrEqual(bound);
      }

      const { labels, scores, probabilities } = await pass.evaluate(packed, true);
      for (const [row, score] of round.scores.entries()) {
        expect(Math.abs((scores[row] as number) - score)).toBeLessThan(3e-6 * (1 + Math.abs(score)));
        const own = [...round.responsibilities.subarray(row * components, (row + 1) * components)];
        own.forEach((probability, component) => {
          expect(probabilities[row * components + component]).toBeCloseTo(probability, 4);
        });
        expect(own[labels[row] as number]).toBeGreaterThan(Math.max(...own) - 1e-4);
      }
    });
  });

  it.each([cases[2], cases[6], cases[8], cases[10]].filter((given) => given !== undefined))(
    `moments by labels: ${title}`,
    async (given) => {
      await withPass(given, async (pass, points, exponent) => {
        const { rows, columns, components } = given;
        const random = createRandom(rows + 1);
        const labels = Int32Array.from({ length: rows }, () => random.integer(0, components - 1));
        const means = Float64Array.from({ length: components * columns }, () => random.normal());
        const centres = packMeans(means, columns, exponent);
        const { logLikelihood, moments } = await pass.totals(labels, centres);
        expect(logLikelihood).toBe(0);
        const share = (row: number, component: number) => (labels[row] === component ? 1 : 0);
        const expected = momentsOf(given, points, centres, exponent, share);
        for (const [index, sum] of expected.sums.entries()) {
          const bound = 2e-6 * (expected.magnitudes[index] as number);
          expect(Math.abs((moments[index] as number) - sum), `moment ${index}`).toBeLessThanOrEqual(bound);
        }
      });
    },
  );
});
