import type { CuantaError } from '../base/errors.ts';

/** What became of work whose result is known only later: a submission, or the creation of a buffer. */
export class Outcome {
  /** Resolves when the work is known to have succeeded; rejects with its error. */
  readonly settled: Promise<void>;
  #succeeded = false;

  constructor(result: Promise<CuantaError | undefined>) {
    this.settled = result.then((error) => {
      if (error) throw error;
      this.#succeeded = true;
    });
    // Whoever reads a tensor that depends on this gets the rejection; nobody else has to.
    this.settled.catch(() => undefined);
  }

  /** True once success is known: nothing needs to wait for it any more. */
  get succeeded(): boolean {
    return this.#succeeded;
  }
}

/**
 * A GPU error word: kernels cannot throw, so they leave here the index of the first element that they could not compute
 * with. The word holds 0 for none, else 0xffffffff − index, so that an `atomicMax` keeps the first.
 */
export class Fault {
  readonly word: Allocation;
  readonly #describe: (index: number) => CuantaError;
  readonly #onRelease: (fault: Fault) => void;
  #references = 1;

  constructor(word: Allocation, describe: (index: number) => CuantaError, onRelease: (fault: Fault) => void) {
    this.word = word;
    this.#describe = describe;
    this.#onRelease = onRelease;
  }

  /** The error that the word's value stands for, if any. */
  errorFor(value: number): CuantaError | undefined {
    return value === 0 ? undefined : this.#describe(0xffffffff - value);
  }

  retain(): void {
    this.#references++;
  }

  release(): void {
    this.#references--;
    if (this.#references === 0) {
      this.#onRelease(this);
      this.word.release();
    }
  }
}

/** A piece of GPU memory, counted by reference, with everything that may turn out wrong about its contents. */
export class Allocation {
  readonly buffer: GPUBuffer;
  /** Usable size in bytes, a multiple of 4. */
  readonly size: number;
  readonly #outcomes = new Set<Outcome>();
  readonly #faults = new Set<Fault>();
  readonly #onRelease: (allocation: Allocation) => void;
  #references = 1;

  constructor(buffer: GPUBuffer, size: number, onRelease: (allocation: Allocation) => void) {
    this.buffer = buffer;
    this.size = size;
    this.#onRelease = onRelease;
  }

  /** Submissions and buffer creations that the contents depend on and that are not known to have succeeded. */
  get outcomes(): ReadonlySet<Outcome> {
    return this.#outcomes;
  }

  /** Error words that the contents depend on. */
  get faults(): ReadonlySet<Fault> {
    return this.#faults;
  }

  /** True while at least one owner holds it. */
  get live(): boolean {
    return this.#references > 0;
  }

  dependOn(outcome: Outcome): void {
    for (const known of this.#outcomes) if (known.succeeded) this.#outcomes.delete(known);
    if (!outcome.succeeded) this.#outcomes.add(outcome);
  }

  carry(fault: Fault): void {
    if (this.#faults.has(fault)) return;
    // Nobody will release what only a recording still writes; the recording holds its error words itself.
    if (this.live) fault.retain();
    this.#faults.add(fault);
  }

  /** Takes over whatever may be wrong with `source`, because the contents are computed from it. */
  inherit(source: Allocation): void {
    if (source === this) return;
    for (const outcome of source.#outcomes) {
      if (outcome.succeeded) source.#outcomes.delete(outcome);
      else this.#outcomes.add(outcome);
    }
    for (const fault of source.#faults) this.carry(fault);
  }

  retain(): void {
    this.#references++;
  }

  release(): void {
    this.#references--;
    if (this.#references !== 0) return;
    for (const fault of this.#faults) fault.release();
    this.#faults.clear();
    this.#onRelease(this);
  }
}

/** A part of an allocation that is bound to a kernel or copied. Offsets are multiples of 256, sizes of 4. */
export interface BufferView {
  readonly allocation: Allocation;
  readonly offset: number;
  readonly size: number;
}
