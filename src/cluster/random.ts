/**
 * Counter-based random numbers: Philox4x32-10 (J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
 * The same seed, stream and index give the same number everywhere, whatever was drawn before.
 */
const multipliers = [0xd2511f53, 0xcd9e8d57] as const;
const weyl = [0x9e3779b9, 0xbb67ae85] as const;
const rounds = 10;

function product(a: number, b: number): { readonly low: number; readonly high: number } {
  const whole = BigInt(a) * BigInt(b);
  return { low: Number(whole & 0xffffffffn), high: Number(whole >> 32n) };
}

/** Four 32-bit words for a counter of four words under a key of two. */
export function philox(counter: readonly number[], key: readonly number[]): [number, number, number, number] {
  let [a = 0, b = 0, c = 0, d = 0] = counter;
  let [low = 0, high = 0] = key;
  for (let round = 0; round < rounds; round++) {
    const first = product(multipliers[0], a);
    const second = product(multipliers[1], c);
    [a, b, c, d] = [(second.high ^ b ^ low) >>> 0, second.low, (first.high ^ d ^ high) >>> 0, first.low];
    low = (low + weyl[0]) >>> 0;
    high = (high + weyl[1]) >>> 0;
  }
  return [a, b, c, d];
}

/** What random numbers are drawn for: numbers of different streams are independent. */
export type RandomStream = 'rows' | 'seeds' | 'starts' | 'candidates' | 'batches' | 'reassignments' | 'splits';

/** The third word of the counter. */
export const streamWords: Readonly<Record<RandomStream, number>> = {
  rows: 0,
  seeds: 1,
  starts: 2,
  candidates: 3,
  batches: 4,
  reassignments: 5,
  splits: 6,
};

/** The key of a seed. */
export function randomKey(seed: number): readonly [low: number, high: number] {
  return [seed >>> 0, Math.floor(seed / 2 ** 32)];
}

/** 64 random bits, as two words. `seed` is a safe integer of at least 0. */
export function randomBits(
  seed: number,
  stream: RandomStream,
  index: number,
): { readonly low: number; readonly high: number } {
  const counter = [index >>> 0, Math.floor(index / 2 ** 32), streamWords[stream], 0];
  const [low, high] = philox(counter, randomKey(seed));
  return { low, high };
}

/** A seed for one of several pieces of work under one seed. */
export function derivedSeed(seed: number, stream: RandomStream, index: number): number {
  const { low, high } = randomBits(seed, stream, index);
  return (high % 2 ** 21) * 2 ** 32 + low;
}

/** A whole number in [0, total), from 64 random bits. */
export function randomShare(seed: number, stream: RandomStream, index: number, total: bigint): bigint {
  const { low, high } = randomBits(seed, stream, index);
  return (((BigInt(high) << 32n) | BigInt(low)) * total) >> 64n;
}

/** A whole number in [0, count), from 64 random bits. */
export function randomIndex(seed: number, stream: RandomStream, index: number, count: number): number {
  return Number(randomShare(seed, stream, index, BigInt(count)));
}

/** `chosen` different whole numbers in [0, count), in random order (R. Floyd's sampling, then a shuffle). */
export function randomRows(seed: number, chosen: number, count: number): number[] {
  const rows = new Set<number>();
  for (let last = count - chosen; last < count; last++) {
    const row = randomIndex(seed, 'rows', last, last + 1);
    rows.add(rows.has(row) ? last : row);
  }
  const order = [...rows];
  for (let last = chosen - 1; last > 0; last--) {
    const other = randomIndex(seed, 'rows', count + last, last + 1);
    const [a, b] = [order[last] as number, order[other] as number];
    order[last] = b;
    order[other] = a;
  }
  return order;
}
