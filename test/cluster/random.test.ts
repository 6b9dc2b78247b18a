import { describe, expect, it } from 'vitest';
import { philox, randomBits, randomIndex, randomRows } from '../../src/cluster/random.ts';

describe('Philox4x32-10', () => {
  // The known answers of Random123, kat_vectors.
  it.each([
    {
      counter: [0, 0, 0, 0],
      key: [0, 0],
      answer: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    },
    {
      counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      key: [0xffffffff, 0xffffffff],
      answer: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    },
    {
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      key: [0xa4093822, 0x299f31d0],
      answer: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    },
  ])('counter $counter', ({ counter, key, answer }) => {
    expect(philox(counter, key)).toEqual(answer);
  });
});

describe('draws', () => {
  it('differ by seed, stream and index', () => {
    const drawn = [
      randomBits(1, 'rows', 0),
      randomBits(2, 'rows', 0),
      randomBits(1, 'seeds', 0),
      randomBits(1, 'rows', 1),
    ];
    expect(new Set(drawn.map(({ low, high }) => `${low} ${high}`)).size).toBe(4);
    expect(randomBits(2 ** 40 + 1, 'rows', 0)).not.toEqual(randomBits(1, 'rows', 0));
  });

  it('fill a range evenly', () => {
    const counts = new Array<number>(5).fill(0);
    for (let index = 0; index < 5000; index++) {
      const drawn = randomIndex(7, 'rows', index, 5);
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    // 1,000 each, with a standard deviation of 28.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it.each([
    [1, 1],
    [5, 5],
    [3, 100],
    [64, 65],
  ])('%i different rows of %i', (chosen, count) => {
    const rows = randomRows(3, chosen, count);
    expect(new Set(rows).size).toBe(chosen);
    expect(rows.every((row) => row >= 0 && row < count)).toBe(true);
    expect(randomRows(3, chosen, count)).toEqual(rows);
  });

  it('every row is as likely to be chosen, at every place', () => {
    const places = Array.from({ length: 3 }, () => new Array<number>(6).fill(0));
    for (let seed = 0; seed < 3000; seed++) {
      randomRows(seed, 3, 6).forEach((row, place) => {
        const counts = places[place] ?? [];
        counts[row] = (counts[row] ?? 0) + 1;
      });
    }
    for (const count of places.flat()) expect(Math.abs(count - 500)).toBeLessThan(110);
  });
});
