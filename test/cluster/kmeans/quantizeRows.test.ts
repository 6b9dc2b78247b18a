import { describe, expect, it } from 'vitest';
import { recordNorms } from '../../../src/cluster/kmeans/assign.ts';
import { codeScale, QuantizedPoints } from '../../../src/cluster/kmeans/quantizeRows.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { unpad, withState } from '../support.ts';
import { readCentroidCodes, readPointCodes } from './int8Support.ts';

const open = useEngine();

/** Norm of each row of x − scale · codes, in float64. */
function errorNorms(x: Float32Array, codes: Int8Array, scale: number, columnCount: number): number[] {
  return Array.from({ length: x.length / columnCount }, (_, row) => {
    let sum = 0;
    for (let index = row * columnCount; index < (row + 1) * columnCount; index++) {
      sum += ((x[index] as number) - scale * (codes[index] as number)) ** 2;
    }
    return Math.sqrt(sum);
  });
}

function squaredNorms(codes: Int8Array, columnCount: number): number[] {
  return Array.from({ length: codes.length / columnCount }, (_, row) =>
    codes.subarray(row * columnCount, (row + 1) * columnCount).reduce((sum, code) => sum + code * code, 0),
  );
}

describe('codes of points and centroids', () => {
  it.each([
    { rowCount: 2, columnCount: 1, clusterCount: 1, partBytes: 1 << 20 },
    { rowCount: 70, columnCount: 17, clusterCount: 6, partBytes: 1 << 20 },
    { rowCount: 2100, columnCount: 5, clusterCount: 9, partBytes: 1024 * 32 },
    { rowCount: 65, columnCount: 1030, clusterCount: 3, partBytes: 1 << 20 },
  ])('$rowCount × $columnCount, $clusterCount clusters: within half a step, errors bounded', async (shape) => {
    const { rowCount, columnCount, clusterCount } = shape;
    const random = createRandom(rowCount);
    const data = Float64Array.from(
      { length: rowCount * columnCount },
      () => random.normal() * 10 ** random.integer(-4, 0),
    );
    await withState(
      await open(),
      data,
      columnCount,
      clusterCount,
      async (state, points) => {
        const { rowFloats } = state.points;
        const centroids = Float32Array.from({ length: clusterCount * rowFloats }, (_, index) =>
          index % rowFloats < columnCount ? (random.uniform() - 0.5) / 4 : 0,
        );
        state.setCentroids(centroids);
        const quantized = new QuantizedPoints(state);
        recordNorms(state);
        quantized.recordCentroids();
        const { codes, errors, squares } = await readPointCodes(state, quantized);
        const { scale } = quantized;
        errorNorms(points, codes, scale, columnCount).forEach((norm, row) => {
          expect(errors[row]).toBeGreaterThanOrEqual(norm);
          expect(errors[row]).toBeLessThan(norm * 1.001 + 1e-12);
          // WGSL's division may be off by a little where a coordinate is between two codes.
          expect(norm).toBeLessThanOrEqual((scale / 2) * 1.0001 * Math.sqrt(columnCount));
        });
        expect([...squares]).toEqual(squaredNorms(codes, columnCount));
        expect(codes.reduce((largest, code) => Math.max(largest, Math.abs(code)), 0)).toBeGreaterThanOrEqual(126);

        const own = await readCentroidCodes(state, quantized);
        const plain = unpad(centroids, columnCount);
        const ownScale = Math.min(scale, codeScale(plain.reduce((a, b) => Math.max(a, Math.abs(b)), 0)));
        const norms = errorNorms(plain, own.codes, ownScale, columnCount);
        expect(own.largestError).toBeGreaterThanOrEqual(Math.max(...norms));
        expect(own.largestError).toBeLessThan(Math.max(...norms) * 1.001 + 1e-12);
        const ownSquares = squaredNorms(own.codes, columnCount);
        expect(own.largestSquares).toBe(Math.max(...ownSquares));
        ownSquares.forEach((square, cluster) => {
          const exact = (square * ownScale) / (2 * scale);
          expect(Math.abs((own.offsets[cluster] as number) - exact)).toBeLessThanOrEqual(0.5 + exact * 2 ** -21);
        });
        expect([...own.offsets.subarray(clusterCount)].every((offset) => offset === 0x7fffffff)).toBe(true);
        quantized.release();
      },
      shape.partBytes,
    );
  });

  it('of points beyond the range, such as given centroids far out: the largest code, and the error says so', async () => {
    const data = Float64Array.from([1, 0, -1, 0.5]);
    await withState(await open(), data, 1, 4, async (state, points) => {
      state.setCentroids(Float32Array.of(0.9, 0, 0, 0, -0.25, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0));
      const quantized = new QuantizedPoints(state);
      recordNorms(state);
      quantized.recordCentroids();
      const { codes, largestError } = await readCentroidCodes(state, quantized);
      expect(points.reduce((a, b) => Math.max(a, Math.abs(b)), 0)).toBeGreaterThan(0.5);
      expect(codes[3]).toBe(127);
      expect(largestError).toBeGreaterThan(7);
      quantized.release();
    });
  });
});

describe('scales', () => {
  it('reach the largest coordinate, and their products with codes are floats', () => {
    const random = createRandom(3);
    for (let trial = 0; trial < 1000; trial++) {
      const largest = random.uniform() * 2 ** -random.integer(0, 20);
      const scale = codeScale(largest);
      expect(scale * 127).toBeGreaterThanOrEqual(largest);
      expect(scale * 127).toBeLessThan(largest * 1.0001 + 2 ** -22);
      for (const code of [1, 63, 101, 127]) expect(Math.fround(scale * code)).toBe(scale * code);
    }
  });

  it('stay away from underflow', () => {
    expect(codeScale(0)).toBe(2 ** -30);
    expect(codeScale(1e-30)).toBe(2 ** -30);
  });
});
