import { describe, expect, it } from 'vitest';
import { recordFinish } from '../../../src/cluster/kmeans/finish.ts';
import { haltReasons } from '../../../src/cluster/kmeans/state.ts';
import { fixedPoint128, fractionBits } from '../../../src/cluster/points/fixedPoint.ts';
import { nearestFloat } from '../../reference/cluster.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { unpad, withState } from '../support.ts';

const open = useEngine();

/** Runs the end of a round on given sums, counts and former centroids of two or more columns in [-1, 1]. */
async function finish(
  columnCount: number,
  counts: Uint32Array<ArrayBuffer>,
  sums: BigInt64Array<ArrayBuffer>,
  options: { readonly threshold?: number; readonly changed?: number } = {},
) {
  const engine = await open();
  const data = Float64Array.from({ length: 2 * columnCount }, (_, index) => (index < columnCount ? -0.75 : 0.75));
  return withState(engine, data, columnCount, counts.length, async (state) => {
    state.setThreshold(options.threshold ?? 0);
    engine.upload(state.sums, new Uint8Array(sums.buffer));
    engine.upload(state.counts, new Uint8Array(counts.buffer));
    engine.upload(state.counters, new Uint8Array(Uint32Array.of(options.changed ?? 1, 5, 6).buffer));
    recordFinish(state);
    const left = new Uint32Array(await engine.readBytes(state.counts, counts.byteLength));
    return {
      status: await state.readStatus(),
      centroids: unpad(await state.readCentroids(), columnCount),
      exponents: state.points.exponents,
      fraction: state.fraction,
      left,
    };
  });
}

describe('centroids are correctly rounded quotients', () => {
  it('of random sums and counts', async () => {
    const random = createRandom(1);
    const columnCount = 5;
    const counts = Uint32Array.from({ length: 300 }, () => 1 + (random.bits() >>> random.integer(0, 31)));
    const sums = BigInt64Array.from({ length: 300 * columnCount }, (_, index) => {
      const count = BigInt(counts[Math.floor(index / columnCount)] ?? 1);
      const mean = BigInt((random.bits() >>> random.integer(2, 31)) * (random.bits() % 2 === 0 ? 1 : -1));
      return mean * count + BigInt(random.integer(0, 1000)) * (count / 1000n);
    });
    const { centroids, exponents } = await finish(columnCount, counts, sums);
    const expected = Float32Array.from(sums, (sum, index) =>
      nearestFloat(sum, BigInt(counts[Math.floor(index / columnCount)] ?? 1), -(exponents[index % columnCount] ?? 0)),
    );
    expect([...centroids]).toEqual([...expected]);
  });

  it('at ties, which go to the even one', async () => {
    // 25-bit numbers that end in 1 lie between two floats.
    const odd = [0x1000001n, 0x1000003n, 0x1fffffdn, 0x1ffffffn];
    const sums = BigInt64Array.from([...odd, ...odd.map((value) => -3n * value)]);
    const counts = Uint32Array.of(1, 1, 1, 1, 3, 3, 3, 3);
    const { centroids, exponents } = await finish(1, counts, sums);
    const significands = [0x1000000, 0x1000004, 0x1fffffc, 0x2000000];
    const unit = 2 ** -(exponents[0] ?? 0);
    expect([...centroids]).toEqual(
      [...significands, ...significands.map((value) => -value)].map((value) => value * unit),
    );
  });
});

describe('the end of a round', () => {
  const counts = Uint32Array.of(4, 2);
  const sums = BigInt64Array.of(4n << 28n, 0n, 0n, -2n << 29n);

  it('measures the shift exactly and goes on', async () => {
    const { status, centroids, exponents, left } = await finish(2, counts, sums);
    const unit = 2 ** -(exponents[0] ?? 0);
    expect([...centroids]).toEqual([2 ** 28 * unit, 0, 0, -(2 ** 29) * unit]);
    expect(status.shift).toBe((2 ** 28 * unit) ** 2 + (2 ** 29 * unit) ** 2);
    expect(status).toMatchObject({ halted: haltReasons.running, iteration: 1, changed: 1, undecided: 5, rechecked: 6 });
    expect([...left]).toEqual([0, 0]);
  });

  it('halts when no label changed', async () => {
    const { status } = await finish(2, counts, sums, { changed: 0 });
    expect(status.halted).toBe(haltReasons.settled);
  });

  it('halts at the tolerance, and one unit below it does not', async () => {
    const { shift } = (await finish(2, counts, sums)).status;
    expect((await finish(2, counts, sums, { threshold: shift })).status.halted).toBe(haltReasons.tolerance);
    const below = shift * (1 - 2 ** -52);
    expect((await finish(2, counts, sums, { threshold: below })).status.halted).toBe(haltReasons.running);
  });

  it('leaves everything as it is when a cluster is empty', async () => {
    const { status, left } = await finish(2, Uint32Array.of(4, 0, 0), new BigInt64Array(6));
    expect(status).toMatchObject({ halted: haltReasons.emptyCluster, empty: 2, iteration: 0 });
    expect([...left]).toEqual([4, 0, 0]);
  });
});

describe('fixed-point numbers', () => {
  it.each([
    [0, 120, [0, 0, 0, 0]],
    [1, 120, [0, 0, 0, 2 ** 24]],
    [2 ** -120, 120, [1, 0, 0, 0]],
    [2 ** -121, 120, [0, 0, 0, 0]],
    [3 * 2 ** -90, 120, [0xc0000000, 0, 0, 0]],
    [1e300, 120, [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff]],
  ])('%d with %i bits', (value, bits, words) => {
    expect([...fixedPoint128(value, bits)]).toEqual(words);
  });

  it('leave room for the squares of all columns', () => {
    for (const columnCount of [1, 2, 63, 64, 65, 4096, 65_536]) {
      const fraction = fractionBits(columnCount);
      expect(BigInt(columnCount) * (1n << BigInt(2 * fraction + 2)) <= 1n << 128n).toBe(true);
      expect(fraction).toBeGreaterThanOrEqual(54);
    }
  });
});
