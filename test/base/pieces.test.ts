import { expect, test } from 'vitest';
import { Aborted } from '../../src/base/errors.ts';
import { allAtOnce, breathe, inTurns, type Pieces } from '../../src/base/pieces.ts';

/** Pieces that take some milliseconds each, and their number. */
function* busy(pieces: number, milliseconds: number): Pieces<number> {
  for (let piece = 0; piece < pieces; piece++) {
    const start = performance.now();
    while (performance.now() - start < milliseconds);
    yield;
  }
  return pieces;
}

/** How often other tasks had their turn until some work was done. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let isDone = false;
  let turns = 0;
  const finished = work.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await breathe();
    turns++;
  }
  await finished;
  return turns;
}

test('work in turns gives the same, and lets other tasks run in between', async () => {
  expect(allAtOnce(busy(3, 0))).toBe(3);
  expect(await inTurns(busy(3, 0))).toBe(3);
  // 20 pieces of 7 ms: a turn for others after every second one.
  expect(await turnsDuring(inTurns(busy(20, 7)))).toBeGreaterThanOrEqual(9);
  // All that fits into one turn takes no other.
  expect(await turnsDuring(inTurns(busy(1000, 0)))).toBeLessThanOrEqual(3);
});

test('it ends when the signal fires, with what it throws otherwise', async () => {
  const stop = new AbortController();
  const stopped = inTurns(busy(1000, 7), stop.signal);
  setTimeout(() => stop.abort(), 20);
  await expect(stopped).rejects.toThrow(Aborted);
  const broken = function* (): Pieces<void> {
    yield;
    throw new RangeError('broken');
  };
  await expect(inTurns(broken())).rejects.toThrow('broken');
  expect(() => allAtOnce(broken())).toThrow('broken');
});
