import { throwIfAborted } from '../../base/abort.ts';
import { breathe } from '../../base/pieces.ts';
import type { JobContext } from './job.ts';
import { type Distribution, distributionOf } from './timing.ts';

/** Something to time. */
export interface Contender {
  readonly name: string;
  run(): unknown;
}

/** A contender, and how long its runs took. */
export type TimedContender<Subject extends Contender> = Subject & { readonly milliseconds: Distribution };

/** Times each contender `runs` times, in turns, so that whatever slows the machine slows them all. */
export async function timeInTurns<Ours extends Contender, Theirs extends Contender>(
  ours: readonly Ours[],
  theirs: readonly Theirs[],
  runs: number,
  { onProgress, signal }: JobContext,
): Promise<{ readonly ours: TimedContender<Ours>[]; readonly theirs: TimedContender<Theirs>[] }> {
  const times = new Map<Contender, number[]>([...ours, ...theirs].map((contender) => [contender, []]));
  for (let run = 1; run <= runs; run++) {
    for (const [contender, taken] of times) {
      onProgress?.(`${contender.name}, run ${run} of ${runs}`);
      await breathe();
      const start = performance.now();
      await contender.run();
      taken.push(performance.now() - start);
      throwIfAborted(signal);
    }
  }
  const timed = <Subject extends Contender>(contenders: readonly Subject[]): TimedContender<Subject>[] =>
    contenders.map((contender) => ({ ...contender, milliseconds: distributionOf(times.get(contender) ?? []) }));
  return { ours: timed(ours), theirs: timed(theirs) };
}
