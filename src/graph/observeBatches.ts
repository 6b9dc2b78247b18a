import { Aborted, InvalidInput } from '../base/errors.ts';
import { Model, type ModelInputs, type ModelOptions } from './model.ts';

/** Inputs for many runs. */
export type Batches = Iterable<ModelInputs> | AsyncIterable<ModelInputs>;

/** How long work over batches is watched and ended. */
export interface BatchOptions {
  /** Ends the work early, with `Aborted`. */
  readonly signal?: AbortSignal;
  /** Told after each batch how many were run. */
  readonly onProgress?: (batches: number) => void;
}

/** Batches that may be in flight: enough to keep the GPU busy, few enough to bound the memory of their inputs. */
const batchesInFlight = 4;

/**
 * Runs a model in float on sample inputs, of the graph as it was given, not as it was optimized, with a hook for every value.
 *
 * @param afterBatch called when a batch is recorded
 * @throws InvalidInput for no batches; Aborted; whatever `model.run` throws
 */
export async function observeBatches(
  { engine, source, operators }: Model,
  batches: Batches,
  observe: NonNullable<ModelOptions['observe']>,
  { signal, onProgress }: BatchOptions,
  afterBatch: () => void = () => undefined,
): Promise<void> {
  using observed = new Model(engine, source, operators, { optimize: false, observe });
  let count = 0;
  for await (const batch of batches) {
    if (signal?.aborted) throw new Aborted(`The work was stopped after ${count} batch(es); start it again.`);
    for (const output of observed.run(batch).values()) output.dispose();
    afterBatch();
    count++;
    if (count % batchesInFlight === 0) await engine.idle();
    onProgress?.(count);
  }
  if (count === 0) throw new InvalidInput('There are no inputs to calibrate with; give at least one.');
}
