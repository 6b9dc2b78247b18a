/** Aimed-at duration of one submission, in milliseconds: far below any driver's watchdog. */
const submissionMilliseconds = 50;
/** Batches shorter than this, in milliseconds, measure latency rather than speed. */
const shortest = 2;
/** Weight of a new measurement. */
const weight = 0.3;
/** Share of the budget below which a batch that took long says that something else took the time. */
const smallShare = 1 / 4;

/** How many estimated operations an adapter does in a given time, learnt from finished batches. */
export class Speed {
  #operationsPerMillisecond: number;

  /** @param operationsPerMillisecond a first guess */
  constructor(operationsPerMillisecond: number) {
    this.#operationsPerMillisecond = operationsPerMillisecond;
  }

  /** Estimated operations that one submission, and so one dispatch, should not exceed. */
  get workBudget(): number {
    return this.#operationsPerMillisecond * submissionMilliseconds;
  }

  /**
   * Corrects the estimate by what a batch took. A small batch may only raise it: what it waited for, a copy, a busy machine, is
   * no matter of speed, and would let the budget shrink until work is cut to shreds. One that may have had less to do than
   * estimated may only lower it.
   */
  measure(work: number, milliseconds: number, speculative = false): void {
    if (milliseconds < shortest || work === 0) return;
    const measured = work / milliseconds;
    const slower = measured < this.#operationsPerMillisecond;
    if (slower ? work < smallShare * this.workBudget : speculative) return;
    this.#operationsPerMillisecond += weight * (measured - this.#operationsPerMillisecond);
  }
}
