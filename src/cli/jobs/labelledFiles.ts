/** Labelled samples from files. */
import { InvalidInput, ShapeMismatch } from '../../base/errors.ts';
import type { LabelledBatch } from '../../graph/evaluate.ts';
import type { GraphValue } from '../../graph/graph.ts';
import { readIdx } from '../../io/idx.ts';
import { tensorFromNpy } from '../../onnx/npy.ts';
import { type SampleParameters, samplesOf, splitSamples } from './sampleFiles.ts';

/** Samples in a file, with their labels in its last column, or beside arrays in a file of the same kind. */
export interface TableParameters extends SampleParameters {
  readonly kind: 'table';
  /** Samples that run at once, where the model leaves that open. */
  readonly batch: number;
}

/**
 * The batches of labelled samples for an input of a model; what does not fill a last batch of a fixed size is left out.
 *
 * @param files `samples`, and `labels` beside arrays: one integer a sample
 * @throws InvalidInput, ShapeMismatch
 */
export function labelledBatches(
  parameters: TableParameters,
  input: GraphValue,
  files: Readonly<Record<string, Uint8Array>>,
): LabelledBatch[] {
  const found = samplesOf(files.samples ?? new Uint8Array(), parameters, input);
  const labels = assertClasses(found.labels ?? labelsIn(files.labels, parameters.format));
  const [count = 0] = found.samples.shape;
  if (count !== labels.length) {
    throw new ShapeMismatch(
      `There are ${labels.length} labels for samples of shape [${found.samples.shape}]; give one for each along axis 0.`,
    );
  }
  let taken = 0;
  return splitSamples(found.samples, input, parameters.batch).map((batch) => {
    const first = taken;
    taken += batch.shape[0] ?? 0;
    return { inputs: { [input.name]: batch }, labels: labels.slice(first, taken) };
  });
}

/** @throws InvalidInput */
function labelsIn(bytes: Uint8Array | undefined, format: TableParameters['format']): readonly number[] {
  if (!bytes) {
    throw new InvalidInput(`The samples have no labels; give a file of integers as --labels, ${format} too.`);
  }
  if (format === 'idx') return Array.from(readIdx(bytes).data, Number);
  return [...tensorFromNpy(bytes, undefined, 'The file of labels').data];
}

/** @throws InvalidInput for a label that is no number of a class */
function assertClasses(labels: readonly number[]): readonly number[] {
  const wrong = labels.findIndex((label) => !Number.isInteger(label) || label < 0);
  if (wrong < 0) return labels;
  throw new InvalidInput(`The label of sample ${wrong} is ${labels[wrong]}; give integers from 0 on.`);
}
