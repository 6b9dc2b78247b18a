import type { AssignOptions } from './assign.ts';
import { QuantizedPoints } from './quantizeRows.ts';
import type { ClusterState, Status } from './state.ts';

/** How assignment in 8 bits went. */
export interface Int8Report {
  /** Rounds that it assigned. */
  readonly rounds: number;
  /** Share of the points, in the last of them, that it left to f32; 0 if there was none. */
  readonly recheckShare: number;
  /** Whether it did not pay, so that the rest of the fit was assigned in f32 alone. */
  readonly gaveUp: boolean;
}

/** Share of points left to f32 above which 8 bits do not pay: packed products halve the time of scores at best. */
const largestRecheckShare = 1 / 2;
/** Until centroids have spread, more is left open than later. */
const firstRounds = 2;
/** Columns for which f32 holds points in registers; unpacking bytes takes longer than that saves. */
const narrowColumns = 32;

/**
 * Assigns rounds in 8 bits as long as that pays: until a round after the second leaves more than half of the points to
 * f32, and for up to 32 columns only where `engine.dotPath` is `packed`. The rule counts instead of measuring time, so that
 * it does the same on a busy machine; labels do not depend on it in any case. Holds GPU memory until `release()`.
 */
export class Int8Rounds {
  readonly #rowCount: number;
  #quantized: QuantizedPoints | undefined;
  #report: Int8Report = { rounds: 0, recheckShare: 0, gaveUp: false };

  constructor(state: ClusterState) {
    this.#rowCount = state.points.rowCount;
    const { columnCount } = state.points;
    if (state.engine.dotPath === 'packed' || columnCount > narrowColumns) this.#quantized = new QuantizedPoints(state);
    else this.#report = { ...this.#report, gaveUp: true };
  }

  /** How to assign the next rounds. */
  get options(): Pick<AssignOptions, 'quantized' | 'recheckedShare'> {
    const { rounds, recheckShare } = this.#report;
    return { quantized: this.#quantized, recheckedShare: rounds > 0 ? recheckShare : undefined };
  }

  get report(): Int8Report {
    return this.#report;
  }

  /** Takes note of the rounds since the last call. */
  observe(status: Status, rounds: number): void {
    if (!this.#quantized || rounds === 0) return;
    const recheckShare = status.rechecked / this.#rowCount;
    const gaveUp = status.iteration > firstRounds && recheckShare > largestRecheckShare;
    this.#report = { rounds: this.#report.rounds + rounds, recheckShare, gaveUp };
    if (gaveUp) this.release();
  }

  release(): void {
    this.#quantized?.release();
    this.#quantized = undefined;
  }
}
