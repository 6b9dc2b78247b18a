/** Labelled samples from files. */
import { InvalidInput, ShapeMismatch } from '../../base/errors.ts';
import { elementCount } from '../../base/shape.ts';
import type { LabelledBatch } from '../../graph/evaluate.ts';
import type { GraphValue } from '../../graph/graph.ts';
import { type HostTensor, hostArray, hostTensor, isInteger } from '../../graph/hostTensor.ts';
import { readCsv } from '../../io/csv.ts';
import { readIdx } from '../../io/idx.ts';
import { tensorFromNpy } from '../../onnx/npy.ts';

/**
 * Samples in files: a CSV of numbers whose last column is the label; or arrays stacked on axis 0, with labels of their own, in
 * `.npy` files or in IDX files, the format of MNIST and Fashion-MNIST.
 */
export interface TableParameters {
  readonly kind: 'table';
  readonly format: 'csv' | 'npy' | 'idx';
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
  if (format !== 'csv' && !files.labels) {
    throw new InvalidInput(`The samples have no labels; give a file of integers as --labels, ${format} too.`);
  }
  const { samples, labels } = readers[format](bytes, input, files.labels ?? new Uint8Array());
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

type ReadSamples = (bytes: Uint8Array, input: GraphValue, labelBytes: Uint8Array) => Samples;

const readers: Readonly<Record<TableParameters['format'], ReadSamples>> = {
  csv: readTable,
  npy: readArrays,
  idx: readImages,
};

function readTable(bytes: Uint8Array, input: GraphValue): Samples {
  const { rowCount, columnCount, data } = readCsv(bytes);
  const columns = columnCount - 1;
  const shape = sampleShape(columns, input, `The file has ${columns} columns before the label`);
  const labels = Array.from({ length: rowCount }, (_, row) => data[row * columnCount + columns] ?? 0);
  const elements = Array.from({ length: rowCount }, (_, row) =>
    data.subarray(row * columnCount, row * columnCount + columns),
  );
  const values = elements.flatMap((row) => [...row]);
  return {
    samples: hostTensor(input.elementType ?? 'float32', [rowCount, ...shape], values),
    labels: assertClasses(labels),
  };
}

function readArrays(bytes: Uint8Array, input: GraphValue, labelBytes: Uint8Array): Samples {
  const samples = tensorFromNpy(bytes, input.elementType, 'The file of samples');
  const labels = assertClasses([...tensorFromNpy(labelBytes, undefined, 'The file of labels').data]);
  assertLabelled(samples.shape, labels);
  return { samples, labels };
}

/** Images of [samples, rows, columns] have no axis for their one channel, and numbers of another type: both follow the input. */
function readImages(bytes: Uint8Array, input: GraphValue, labelBytes: Uint8Array): Samples {
  const { shape, dtype, data } = readIdx(bytes);
  const labels = assertClasses(Array.from(readIdx(labelBytes).data, Number));
  assertLabelled(shape, labels);
  const [count = 0, ...rest] = shape;
  const own = sampleShape(elementCount(rest), input, `The samples in the file are [${rest}]`);
  const elementType = input.elementType ?? 'float32';
  if (isInteger(elementType) && elementType !== dtype) {
    throw new InvalidInput(
      `The file of samples is ${dtype}, but the model takes ${elementType}; use a model that takes ${dtype} or floats.`,
    );
  }
  const stored = hostArray(elementType, data.length);
  for (let index = 0; index < data.length; index++) stored[index] = Number(data[index]);
  return { samples: { elementType, shape: [count, ...own], data: stored }, labels };
}

/**
 * The shape that an input of a model has for samples of `size` elements; one length may be open.
 *
 * @param what says what the file has
 * @throws ShapeMismatch
 */
function sampleShape(size: number, { name, dimensions }: GraphValue, what: string): number[] {
  const declared = dimensions?.slice(1) ?? [size];
  const fixed = declared
    .filter((length) => typeof length === 'number')
    .reduce((product, length) => product * length, 1);
  const shape = declared.map((length) => (typeof length === 'number' ? length : size / fixed));
  if (elementCount(shape) === size && shape.every(Number.isInteger)) return shape;
  throw new ShapeMismatch(
    `${what}, but the input "${name}" is [${dimensions?.map((length) => length ?? '?')}]; give one number for each element of a sample.`,
  );
}

function assertLabelled(shape: readonly number[], labels: readonly number[]): void {
  if (shape.length > 0 && shape[0] === labels.length) return;
  throw new ShapeMismatch(
    `There are ${labels.length} labels for samples of shape [${shape}]; give one for each along axis 0.`,
  );
}

/** @throws InvalidInput for a label that is no number of a class */
function assertClasses(labels: readonly number[]): readonly number[] {
  const wrong = labels.findIndex((label) => !Number.isInteger(label) || label < 0);
  if (wrong < 0) return labels;
  throw new InvalidInput(`The label of sample ${wrong} is ${labels[wrong]}; give integers from 0 on.`);
}
