/** Labelled samples from files. */
import { InvalidInput, ShapeMismatch } from '../../base/errors.ts';
import { elementCount } from '../../base/shape.ts';
import type { LabelledBatch } from '../../graph/evaluate.ts';
import type { GraphValue } from '../../graph/graph.ts';
import { type HostTensor, hostTensor } from '../../graph/hostTensor.ts';
import { readCsv } from '../../io/csv.ts';
import { tensorFromNpy } from '../../onnx/npy.ts';

/** Samples in files: a CSV of numbers whose last column is the label, or arrays stacked on axis 0. */
export interface TableParameters {
  readonly kind: 'table';
  readonly format: 'csv' | 'npy';
  /** What the elements are divided by: 16 for the digits of UCI, 255 for bytes. */
  readonly divideBy: number;
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
  { format, divideBy, batch }: TableParameters,
  input: GraphValue,
  files: Readonly<Record<string, Uint8Array>>,
): LabelledBatch[] {
  const bytes = files.samples ?? new Uint8Array();
  const { samples, labels } = format === 'csv' ? readTable(bytes, input) : readArrays(bytes, files.labels, input);
  const [count = 0, ...rest] = samples.shape;
  const size = elementCount(rest);
  const declared = input.dimensions?.[0];
  const isFixed = typeof declared === 'number';
  const step = isFixed ? declared : batch;
  if (step < 1 || (isFixed && count < step)) {
    throw new ShapeMismatch(
      `There are ${count} samples, but the model takes batches of ${step}; give at least as many.`,
    );
  }
  const batches: LabelledBatch[] = [];
  for (let start = 0; start < count; start += step) {
    const end = Math.min(start + step, count);
    if (isFixed && end - start < step) break;
    const data = samples.data.slice(start * size, end * size);
    for (let index = 0; divideBy !== 1 && index < data.length; index++) data[index] = (data[index] ?? 0) / divideBy;
    const tensor: HostTensor = { elementType: samples.elementType, shape: [end - start, ...rest], data };
    batches.push({ inputs: { [input.name]: tensor }, labels: labels.slice(start, end) });
  }
  return batches;
}

interface Samples {
  readonly samples: HostTensor;
  readonly labels: readonly number[];
}

function readTable(bytes: Uint8Array, { name, dimensions, elementType }: GraphValue): Samples {
  const { rowCount, columnCount, data } = readCsv(bytes);
  const columns = columnCount - 1;
  const declared = dimensions?.slice(1) ?? [columns];
  // One length may be open: the columns say it.
  const fixed = declared
    .filter((length) => typeof length === 'number')
    .reduce((product, length) => product * length, 1);
  const shape = declared.map((length) => (typeof length === 'number' ? length : columns / fixed));
  if (elementCount(shape) !== columns || shape.some((length) => !Number.isInteger(length))) {
    throw new ShapeMismatch(
      `The file has ${columns} columns before the label, but the input "${name}" is [${dimensions?.map((length) => length ?? '?')}]; give one column for each element of a sample.`,
    );
  }
  const labels = Array.from({ length: rowCount }, (_, row) => data[row * columnCount + columns] ?? 0);
  const elements = Array.from({ length: rowCount }, (_, row) =>
    data.subarray(row * columnCount, row * columnCount + columns),
  );
  const values = elements.flatMap((row) => [...row]);
  return {
    samples: hostTensor(elementType ?? 'float32', [rowCount, ...shape], values),
    labels: assertClasses(labels),
  };
}

function readArrays(bytes: Uint8Array, labelBytes: Uint8Array | undefined, input: GraphValue): Samples {
  if (!labelBytes) throw new InvalidInput('The samples have no labels; give a .npy file of integers as --labels.');
  const samples = tensorFromNpy(bytes, input.elementType, 'The file of samples');
  const labels = assertClasses([...tensorFromNpy(labelBytes, undefined, 'The file of labels').data]);
  if (samples.shape.length === 0 || samples.shape[0] !== labels.length) {
    throw new ShapeMismatch(
      `There are ${labels.length} labels for samples of shape [${samples.shape}]; give one for each along axis 0.`,
    );
  }
  return { samples, labels };
}

/** @throws InvalidInput for a label that is no number of a class */
function assertClasses(labels: readonly number[]): readonly number[] {
  const wrong = labels.findIndex((label) => !Number.isInteger(label) || label < 0);
  if (wrong < 0) return labels;
  throw new InvalidInput(`The label of sample ${wrong} is ${labels[wrong]}; give integers from 0 on.`);
}
