import { describe, expect, it } from 'vitest';
import { recordAssign, recordNorms, type ScoreForm } from '../../../src/cluster/kmeans/assign.ts';
import type { Engine } from '../../../src/gpu/engine.ts';
import { assignExactly } from '../../reference/cluster.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { unpad, withState } from '../support.ts';

/** Points to assign. */
export interface AssignCase {
  readonly rowCount: number;
  readonly columnCount: number;
  readonly clusterCount: number;
}

/** Which kernel to test. */
export interface AssignKernel {
  readonly form: ScoreForm;
  readonly software: boolean;
}

/** Assigns on the GPU and exactly on the CPU; also says how many points f32 left undecided. */
export async function assignBoth(
  engine: Engine,
  { columnCount, clusterCount }: AssignCase,
  data: Float64Array,
  options: Partial<AssignKernel> & { readonly partBytes?: number } = {},
) {
  return withState(
    engine,
    data,
    columnCount,
    clusterCount,
    async (state, points) => {
      // Centroids near the points: rows of them, shifted a little.
      const { rowFloats } = state.points;
      const random = createRandom(clusterCount);
      const centroids = new Float32Array(clusterCount * rowFloats);
      for (let cluster = 0; cluster < clusterCount; cluster++) {
        const row = random.integer(0, points.length / columnCount - 1);
        for (let column = 0; column < columnCount; column++) {
          const value = points[row * columnCount + column] as number;
          centroids[cluster * rowFloats + column] = cluster % 2 === 0 ? value : value * 0.75;
        }
      }
      state.setCentroids(centroids);
      recordNorms(state);
      recordAssign(state, { fresh: true, ...options });
      const labels = await state.readLabels();
      const counters = new Uint32Array(await engine.readBytes(state.counters, state.counterCount * 4));
      const expected = assignExactly(points, columnCount, unpad(centroids, columnCount), state.fraction);
      const undecided = counters.subarray(1).reduce((sum, count) => sum + count, 0);
      return { labels, expected, changed: counters[0], undecided };
    },
    options.partBytes,
  );
}

/** The labels of one kernel. Rows of each width, in vec4f, have a pipeline of their own. */
export function assignSuite(kernel: AssignKernel, cases: readonly AssignCase[]): void {
  describe(`labels equal exact ones: ${kernel.form}, software ${kernel.software}`, () => {
    const open = useEngine();

    it.each(cases)('$rowCount × $columnCount, $clusterCount clusters', async (shape) => {
      const random = createRandom(shape.rowCount * 1000 + shape.columnCount);
      const data = Float64Array.from({ length: shape.rowCount * shape.columnCount }, () => random.normal());
      const { labels, expected, changed } = await assignBoth(await open(), shape, data, kernel);
      expect([...labels]).toEqual([...expected]);
      expect(changed).toBe(shape.rowCount);
    });

    it('on a lattice, where many distances are equal', async () => {
      const shape = { rowCount: 400, columnCount: 2, clusterCount: 24 };
      const random = createRandom(5);
      const data = Float64Array.from({ length: shape.rowCount * shape.columnCount }, () => random.integer(-8, 8));
      const { labels, expected, undecided } = await assignBoth(await open(), shape, data, kernel);
      expect(undecided).toBeGreaterThan(20);
      expect([...labels]).toEqual([...expected]);
    });
  });
}
