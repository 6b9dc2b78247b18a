import { describe, expect, it } from 'vitest';
import { meanVariance } from '../../reference/cluster.ts';
import { useEngine } from '../../support/engine.ts';
import { pointShapes, prepareAll, spreadPoints } from '../support.ts';

const open = useEngine();

describe('points on the GPU', () => {
  it.each(pointShapes)('%i × %i: centred near the middle of the range, exactly', async (rowCount, columnCount) => {
    const engine = await open();
    const data = spreadPoints(rowCount, columnCount);
    const tensor = engine.tensor(data, [rowCount, columnCount]);
    const { frame, coordinates, meanVariance: variance } = await prepareAll(engine, tensor);
    for (const [column, middle] of frame.centre.entries()) {
      const values = data.filter((_, index) => index % columnCount === column);
      const [low, high] = [Math.min(...values), Math.max(...values)];
      expect(Math.abs(middle - (low + high) / 2)).toBeLessThanOrEqual((high - low) / 1000);
    }
    const scale = 2 ** frame.exponent;
    expect([...coordinates]).toEqual(
      [...data].map((value, index) => Math.fround((value - (frame.centre[index % columnCount] ?? 0)) * scale)),
    );
    const expected = meanVariance(coordinates, columnCount);
    expect(Math.abs(variance - expected)).toBeLessThanOrEqual(1e-9 * expected);
    expect([...(await tensor.read())]).toEqual([...data]);
    tensor.dispose();
  });

  it('do not depend on the parts', async () => {
    const engine = await open();
    const tensor = engine.tensor(spreadPoints(2500, 5), [2500, 5]);
    const [whole, parts] = [await prepareAll(engine, tensor), await prepareAll(engine, tensor, 1024 * 32)];
    expect(parts.partCount).toBe(3);
    expect(parts).toEqual({ ...whole, partCount: 3 });
    tensor.dispose();
  });

  it.each([
    [0, 0, Number.NaN],
    [3, 1, Number.POSITIVE_INFINITY],
    [2100, 2, Number.NEGATIVE_INFINITY],
  ])('row %i, column %i being %d is an error with its place', async (row, column, value) => {
    const engine = await open();
    const data = spreadPoints(2500, 3);
    data[row * 3 + column] = value;
    data[2400 * 3] = Number.NaN;
    const tensor = engine.tensor(data, [2500, 3]);
    const live = engine.memory.live;
    await expect(prepareAll(engine, tensor, 1024 * 16)).rejects.toThrow(`row ${row}, column ${column}`);
    tensor.dispose();
    await engine.check().catch(() => undefined);
    expect(engine.memory.live).toBeLessThan(live);
  });
});
