/** On a fast GPU an iteration would be over before it is seen. */
export const shortestStageMilliseconds = 90;

/** Lets work that goes in steps be paused, resumed and stepped from outside. */
export class Pacer {
  #stepsLeft = Number.POSITIVE_INFINITY;
  #idleMilliseconds = 0;
  #wake: (() => void) | undefined;

  /** One that stops after the first step. */
  static stepping(): Pacer {
    const pacer = new Pacer();
    pacer.step();
    return pacer;
  }

  get paused(): boolean {
    return Number.isFinite(this.#stepsLeft);
  }

  /** How long the work has been held up. */
  get idleMilliseconds(): number {
    return this.#idleMilliseconds;
  }

  resume(): void {
    this.#allow(Number.POSITIVE_INFINITY);
  }

  pause(): void {
    this.#allow(0);
  }

  /** Allows one step, then pauses. */
  step(): void {
    this.#allow(1);
  }

  /**
   * To be awaited by the work after each step: waits for so long at least, and for as long as it is paused.
   *
   * @param signal ends the wait
   */
  async pass(milliseconds: number, signal: AbortSignal): Promise<void> {
    const start = performance.now();
    this.#stepsLeft = Math.max(this.#stepsLeft - 1, 0);
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    while (this.#stepsLeft === 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    this.#idleMilliseconds += performance.now() - start;
  }

  #allow(steps: number): void {
    this.#stepsLeft = steps;
    this.#wake?.();
  }
}
