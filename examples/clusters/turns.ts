/** Lets one after another use what cannot be shared: whoever computes has the GPU alone, so that times can be compared. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Waits for those who asked before. @returns ends the turn */
  async take(): Promise<() => void> {
    const before = this.#last;
    let end: () => void = () => undefined;
    this.#last = new Promise((resolve) => {
      end = resolve;
    });
    await before;
    return end;
  }
}

/** Measures the turns that one takes. */
export class TimedTurns {
  readonly #turns: Turns;
  #milliseconds = 0;
  #start = 0;
  #end: (() => void) | undefined;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** How long all turns together were, up to now. */
  get milliseconds(): number {
    return this.#milliseconds + (this.#start > 0 ? performance.now() - this.#start : 0);
  }

  async begin(): Promise<void> {
    this.#end = await this.#turns.take();
    this.#start = performance.now();
  }

  /** Stops the clock. */
  stop(): void {
    this.#milliseconds = this.milliseconds;
    this.#start = 0;
  }

  /** Ends the turn, if it has not ended. */
  end(): void {
    this.stop();
    this.#end?.();
    this.#end = undefined;
  }
}
