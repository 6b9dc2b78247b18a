import { Aborted } from './errors.ts';

/** @throws Aborted when the signal has fired */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new Aborted(`The work was stopped by its signal (${String(signal.reason)}); run it again to start afresh.`);
  }
}

/** Settles as `promise` does, or rejects with `Aborted` as soon as the signal fires. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  throwIfAborted(signal);
  if (!signal) return promise;
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      try {
        throwIfAborted(signal);
      } catch (error) {
        reject(error);
      }
    };
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
    // Whatever becomes of it once the caller has left is nobody's concern.
    promise.catch(() => undefined);
  }
}
