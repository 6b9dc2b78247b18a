import { abortable, throwIfAborted } from '../../base/abort.ts';
import { type AssignOptions, recordAssign, recordNorms, type ScoreForm } from './assign.ts';
import { recordChanges } from './changes.ts';
import { recordFinish } from './finish.ts';
import type { Int8Rounds } from './int8Rounds.ts';
import { relocateEmptyClusters } from './relocate.ts';
import { type ClusterState, haltReasons, type Status } from './state.ts';
import { recordUpdate } from './update.ts';

/** How Lloyd's iteration runs. */
export interface LloydOptions {
  /** Largest squared centroid shift that ends it, as a share of the mean variance of the columns. */
  readonly tolerance: number;
  /** Most rounds of assignment and update, at least 1. */
  readonly maximumIterations: number;
  readonly signal?: AbortSignal | undefined;
  /** Called whenever the GPU was asked how it stands, at least once. */
  readonly onStatus?: ((status: Status, converged: boolean) => void | Promise<void>) | undefined;
  /** Rounds recorded before the GPU is asked how it stands; chosen by their time unless given. */
  readonly batch?: number | undefined;
  /** Assigns in 8 bits first, as long as that pays. */
  readonly int8?: Int8Rounds | undefined;
}

/** Time between two looks at the GPU that rounds are recorded for, in milliseconds. */
const batchMilliseconds = 100;
const largestBatch = 64;
/** Share of undecided points from which the direct form pays: it leaves fewer of them. */
export const directShare = 1 / 16;

function recordRound(state: ClusterState, options: AssignOptions): void {
  recordNorms(state);
  recordAssign(state, options);
  if (options.fresh) {
    recordUpdate(state);
    state.engine.copy(state.labels, state.former, state.points.rowCount * 4);
  } else {
    recordUpdate(state, { changes: recordChanges(state) });
  }
  recordFinish(state, 'usual', true);
}

/**
 * Lloyd's k-means from the centroids in `state`, counted and stopped as scikit-learn does: a round assigns, then updates;
 * it ends when no label changed, or when the centroids moved by no more than the tolerance, or after the most rounds.
 * Unless the labels stood still, a last assignment follows, which is not counted. Several rounds are recorded at a time:
 * the GPU itself decides when to halt, and those after it do nothing.
 * @throws Aborted
 */
export async function runLloyd(state: ClusterState, options: LloydOptions): Promise<Status> {
  const { points } = state;
  const { maximumIterations, signal } = options;
  state.setThreshold(options.tolerance * points.meanVariance);
  // Sums stay from round to round, and only the points whose label changes move theirs.
  state.clearSums();
  let form: ScoreForm = 'expanded';
  let batch = options.batch ?? 1;
  let status: Status | undefined;
  while (!status || (status.halted === haltReasons.running && status.iteration < maximumIterations)) {
    throwIfAborted(signal);
    const started = performance.now();
    const iteration: number = status?.iteration ?? 0;
    const rounds = Math.min(batch, maximumIterations - iteration);
    const undecidedShare = status && status.undecided / points.rowCount;
    for (let round = 0; round < rounds; round++) {
      const record = () =>
        recordRound(state, { form, undecidedShare, fresh: iteration + round === 0, ...options.int8?.options });
      if (round === 0) record();
      else points.engine.speculatively(record);
    }
    status = await abortable(state.readStatus(), signal);
    if (status.halted === haltReasons.emptyCluster) {
      await abortable(relocateEmptyClusters(state), signal);
      status = await abortable(state.readStatus(), signal);
    }
    if (options.batch === undefined && performance.now() - started < batchMilliseconds / 2) {
      batch = Math.min(largestBatch, batch * 2);
    }
    if (status.undecided > points.rowCount * directShare) form = 'direct';
    options.int8?.observe(status, status.iteration - iteration);
    await options.onStatus?.(status, status.halted !== haltReasons.running);
  }
  if (status.halted !== haltReasons.settled) {
    recordNorms(state);
    const undecidedShare = status.undecided / points.rowCount;
    recordAssign(state, { form, forced: true, undecidedShare, ...options.int8?.options });
  }
  return status;
}
