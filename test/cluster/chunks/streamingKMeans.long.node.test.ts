import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FileBytes } from '../../../src/cli/fileBytes.ts';
import { StreamingKMeans } from '../../../src/cluster/chunks/streamingKMeans.ts';
import { Engine } from '../../../src/gpu/engine.ts';
import { writeNpy } from '../../../src/io/npy.ts';
import { pointChunks } from '../../../src/io/pointChunks.ts';
import { createRandom } from '../../reference/random.ts';

const rowCount = 5_000_000;
const columnCount = 8;
const chunkRows = 131_072;
const mebibyte = 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), 'cuanta-'));
const file = join(folder, 'points.npy');

/** Writes the file piece by piece: it never is in memory as a whole. */
beforeAll(async () => {
  const piece = 100_000;
  const random = createRandom(1);
  const handle = await open(file, 'w');
  // The header of the whole, from that of an array with as long a shape.
  const header = writeNpy({ shape: [1_000_000, 0], data: new Float64Array() });
  const text = Buffer.from(header).toString('latin1').replace('(1000000, 0)', `(${rowCount}, ${columnCount})`);
  await handle.write(Buffer.from(text, 'latin1'));
  for (let first = 0; first < rowCount; first += piece) {
    const data = new Float64Array(piece * columnCount);
    for (let index = 0; index < data.length; index++) data[index] = random.uniform() + ((index >> 3) % 4);
    await handle.write(new Uint8Array(data.buffer));
  }
  await handle.close();
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it(`${rowCount.toLocaleString('en')} × ${columnCount} from disk within a bounded memory`, async () => {
  const source = await FileBytes.open(file, '');
  const engine = await Engine.open();
  try {
    const points = await pointChunks(source);
    expect(points).toMatchObject({ rowCount, columnCount });
    const before = process.memoryUsage().rss;
    let mostResident = 0;
    const watch = setInterval(() => {
      mostResident = Math.max(mostResident, process.memoryUsage().rss);
    }, 20);
    const options = { clusters: 4, init: 'first', maximumIterations: 2, tolerance: 0 } as const;
    const started = performance.now();
    const result = await new StreamingKMeans({ ...options, chunkRows }).fit(engine, points);
    const seconds = (performance.now() - started) / 1000;
    clearInterval(watch);
    const residentGrowth = mostResident - before;
    console.log(
      `${rowCount} x ${columnCount} float64, ${Math.round(source.byteLength / mebibyte)} MiB on disk: ${result.iterations} iterations in ` +
        `${seconds.toFixed(1)} s; GPU ${(engine.memory.peak / mebibyte).toFixed(1)} MiB at the peak, ` +
        `resident memory grew by ${Math.round(residentGrowth / mebibyte)} MiB`,
    );
    expect(result.iterations).toBe(2);
    expect(result.sizes.reduce((sum, size) => sum + size)).toBe(rowCount);
    // What the class states for a chunk of 131,072 rows.
    expect(engine.memory.peak).toBeLessThan(1.25 * chunkRows * (4 * 8 + 20) + mebibyte);
    // Labels take 5 MB; the rest is chunks on their way, the adapter's copies of buffers and what is not collected yet.
    expect(residentGrowth).toBeLessThan(280 * mebibyte);
    const other = await new StreamingKMeans({ ...options, chunkRows: 1_000_003 }).fit(engine, points);
    expect(await other.labelsSha256()).toBe(await result.labelsSha256());
    expect(other).toMatchObject({ inertia: result.inertia, centroids: result.centroids });
  } finally {
    engine.close();
    await source.close();
  }
}, 240_000);
