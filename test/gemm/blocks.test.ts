import { describe, expect, it } from 'vitest';
import { planBlocks } from '../../src/gemm/blocks.ts';
import { matmul } from '../../src/gemm/matmul.ts';
import { Engine } from '../../src/gpu/engine.ts';
import { integerMatmul } from '../reference/quant.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { withLimits } from '../support/limits.ts';
import { dispose, randomCodes, tensorOfCodes } from './products.ts';

const open = useEngine();

async function openWithLimits(limits: Readonly<Record<string, number>>): Promise<Engine> {
  const { device } = await open();
  return Engine.open({ device: withLimits(device, limits), poison: true, dotPath: 'unpacked' });
}

describe('blocks', () => {
  it.each([
    [1, 100, 100, 1e9, {}],
    [7, 33, 70, 1e9, {}],
    [3, 100, 100, 40, {}],
    [5, 100, 130, 4000, {}],
    [5, 20, 20, 2500, {}],
    [2, 40, 50, 1e9, { maxStorageBufferBindingSize: 4096 }],
    [4, 40, 70, 3, { maxStorageBufferBindingSize: 4096 }],
    [9, 40, 70, 1e9, { maxComputeWorkgroupsPerDimension: 4 }],
  ])(
    '%i × %i × %i, %i cells to a budget, cover each cell once',
    async (batchCount, rowCount, columnCount, cells, limits) => {
      const engine = await openWithLimits(limits);
      const { maxStorageBufferBindingSize: bindingLimit, maxComputeWorkgroupsPerDimension: gridLimit } =
        engine.device.limits;
      const bytes = batchCount * rowCount * columnCount * 4;
      const request = {
        batchCount,
        rowCount,
        columnCount,
        tileRows: 8,
        tileColumns: 16,
        workPerCell: engine.workBudget / cells,
        aRowBytes: 200,
        bColumnBytes: 100,
        yRowBytes: columnCount * 4,
        whole: { a: batchCount * rowCount * 200, b: batchCount * columnCount * 100, y: bytes },
      };
      const seen = new Uint8Array(batchCount * rowCount * columnCount);
      for (const block of planBlocks(engine, request)) {
        const rows = block.rowEnd - block.rowStart;
        const columns = block.columnEnd - block.columnStart;
        const isOneTile = rows <= 8 && columns <= 16 && block.batchCount === 1;
        if (!isOneTile) expect(block.work).toBeLessThanOrEqual(engine.workBudget * 1.000001);
        if (request.whole.a > bindingLimit) expect(rows * 200 + 256).toBeLessThanOrEqual(bindingLimit);
        if (request.whole.b > bindingLimit) expect(columns * 100 + 256).toBeLessThanOrEqual(bindingLimit);
        if (bytes > bindingLimit) expect(block.batchCount).toBe(1);
        expect(Math.max(rows / 8, columns / 16, block.batchCount)).toBeLessThanOrEqual(gridLimit);
        for (let batch = block.batchStart; batch < block.batchStart + block.batchCount; batch++) {
          for (let row = block.rowStart; row < block.rowEnd; row++) {
            const start = (batch * rowCount + row) * columnCount;
            for (let column = block.columnStart; column < block.columnEnd; column++) {
              seen[start + column] = (seen[start + column] as number) + 1;
            }
          }
        }
      }
      expect(seen.every((count) => count === 1)).toBe(true);
      engine.close();
    },
  );
});

describe('matrices beyond one storage binding', () => {
  it.each([
    [[], []],
    [[3], [3]],
    [[2], []],
  ])('batches %s and %s give the exact product', async (a, b) => {
    const engine = await openWithLimits({ maxStorageBufferBindingSize: 4096 });
    const random = createRandom(1);
    const [M, N, K] = [35, 90, 100];
    const count = a[0] ?? 1;
    const x = randomCodes(random, count * M * K, { signed: false });
    const w = randomCodes(random, (b[0] ?? 1) * K * N, {});
    const left = tensorOfCodes(engine, x, [...a, M, K], { layout: 'rows' });
    const right = tensorOfCodes(engine, w, [...b, K, N], { layout: 'columns' });
    const y = matmul(engine, left, right, { output: 'int32' });
    const zeros = { zeroPointA: x.zeroPoints[0] ?? 0, zeroPointB: w.zeroPoints[0] ?? 0 };
    const got = await y.read();
    const requantized = matmul(engine, left, right, { output: { scale: 1000, zeroPoint: 3 } });
    const gotCodes = await requantized.read();
    const xFloats = engine.tensor(Float32Array.from(x.values), [...a, M, K]);
    const wFloats = engine.tensor(Float32Array.from(w.values), [...b, K, N]);
    const f = matmul(engine, xFloats, wFloats);
    const gotFloat = await f.read();
    for (let batch = 0; batch < count; batch++) {
      const xs = x.values.subarray(batch * M * K).subarray(0, M * K);
      const ws = w.values.subarray(b.length === 0 ? 0 : batch * K * N).subarray(0, K * N);
      const own = [batch * M * N, (batch + 1) * M * N] as const;
      const sums = integerMatmul(xs, ws, { M, N, K, ...zeros });
      expect(Array.from(got.subarray(...own))).toEqual(Array.from(sums));
      for (const [index, sum] of sums.entries()) {
        const code = Math.min(Math.max(sum / 1000 + 3, -128), 127);
        expect(Math.abs((gotCodes[batch * M * N + index] as number) - code)).toBeLessThanOrEqual(0.5001);
      }
      expect(Array.from(gotFloat.subarray(...own))).toEqual(Array.from(integerMatmul(xs, ws, { M, N, K })));
    }
    dispose(left, right, y, requantized, xFloats, wFloats, f);
    await engine.check();
    expect(engine.memory.live).toBe(0);
    engine.close();
  });
});
