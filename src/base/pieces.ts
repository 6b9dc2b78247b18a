/** Long work on the CPU in pieces, between which a page can draw and take input. */
import { throwIfAborted } from './abort.ts';

/** Work that may be interrupted wherever it yields; it returns its result. */
export type Pieces<Result> = Generator<void, Result, void>;

/** Does all pieces of some work one after the other. */
export function allAtOnce<Result>(work: Pieces<Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** Milliseconds of work after which others have their turn: less than a picture of a page takes. */
const turnMilliseconds = 12;

/**
 * Does the pieces of some work, and lets other tasks have their turn every few milliseconds.
 *
 * @throws Aborted when the signal has fired; whatever the work throws
 */
export async function inTurns<Result>(work: Pieces<Result>, signal?: AbortSignal): Promise<Result> {
  let since = performance.now();
  for (;;) {
    throwIfAborted(signal);
    const step = work.next();
    if (step.done) return step.value;
    if (performance.now() - since < turnMilliseconds) continue;
    await breathe();
    since = performance.now();
  }
}

/** Lets a page draw and take input before the next piece of work. */
export function breathe(): Promise<void> {
  // Not a timer: those of a page that is not seen go off once a second at most.
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
