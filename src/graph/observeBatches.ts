import { Aborted, InvalidInput } from '../base/errors.ts';
import type { Graph } from './graph.ts';
import { Model, type ModelInputs, type ModelOptions } from './model.ts';
import type { OperatorTable } from './operator.ts';
import { optimize } from './optimize.ts';

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

/** What looks at the values of a graph. */
export interface Observation {
  /** Told of values while a plan is recorded: may record more work, which is repeated at each run. */
  readonly observe: NonNullable<ModelOptions['observe']>;
  /**
   * The values that are looked at: everything else may be fused. Unless given all values of the graph as it was given, which
   * then is not optimized.
   */
  readonly values?: ReadonlySet<string>;
  /** Called when a batch is recorded. */
  readonly afterBatch?: () => void | Promise<void>;
}

/**
 * Runs a model in float on sample inputs with a hook for its values.
 *
 * @throws InvalidInput for no batches; Aborted; whatever `model.run` throws
 */
export async function observeBatches(
  { engine, source, operators }: Model,
  batches: Batches,
  { observe, values, afterBatch }: Observation,
  { signal, onProgress }: BatchOptions,
): Promise<void> {
  const graph = values ? optimizedAround(source, operators, values) : source;
  using observed = new Model(engine, graph, operators, { optimize: false, observe });
  let count = 0;
  for await (const batch of batches) {
    if (signal?.aborted) throw new Aborted(`The work was stopped after ${count} batch(es); start it again.`);
    for (const output of observed.run(batch).values()) output.dispose();
    await afterBatch?.();
    count++;
    if (count % batchesInFlight === 0) await engine.idle();
    onProgress?.(count);
  }
  if (count === 0) throw new InvalidInput('There are no inputs to calibrate with; give at least one.');
}

/** The optimized graph, with these values left in it. */
function optimizedAround(graph: Graph, operators: OperatorTable, values: ReadonlySet<string>): Graph {
  const made = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  const known = new Set(graph.outputs.map(({ name }) => name));
  const kept = [...values].filter((name) => made.has(name) && !known.has(name));
  const outputs = kept.map((name) => ({ name, elementType: undefined, dimensions: undefined }));
  return { ...optimize({ ...graph, outputs: [...graph.outputs, ...outputs] }, operators), outputs: graph.outputs };
}
