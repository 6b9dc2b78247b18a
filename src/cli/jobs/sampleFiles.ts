/** Samples in files, one behind the other: what models are evaluated on and calibrated with. */
import { InvalidInput, ShapeMismatch } from '../../base/errors.ts';
import { elementCount } from '../../base/shape.ts';
import type { GraphValue } from '../../graph/graph.ts';
import { type HostTensor, hostArray, isInteger } from '../../graph/hostTensor.ts';
import { readCsv } from '../../io/csv.ts';
import { readIdx } from '../../io/idx.ts';
import { tensorFromNpy } from '../../onnx/npy.ts';

/**
 * A CSV of numbers whose last column is the label of the sample; or an array stacked on axis 0, in a `.npy` file or in an IDX file,
 * the format of MNIST and Fashion-MNIST.
 */
export type SampleFormat = 'csv' | 'npy' | 'idx';

/** How samples are read. */
export interface SampleParameters {
  readonly format: SampleFormat;
  /** What the elements are divided by: 16 for the digits of UCI, 255 for bytes. */
  readonly divideBy: number;
}

/** The samples of a file. */
export interface Samples {
  /** [samples, …], of the type of the input. */
  readonly samples: HostTensor;
  /** What the file says of each; undefined for arrays, which have labels in a file of their own. */
  readonly labels: readonly number[] | undefined;
}

/**
 * The samples in a file for an input of a model: from a table and from images in the input's own shape and type.
 *
 * @throws InvalidInput for a damaged file, another type, and integers that would have to be divided; ShapeMismatch
 */
export function samplesOf(bytes: Uint8Array, { format, divideBy }: SampleParameters, input: GraphValue): Samples {
  const found = readers[format](bytes, input);
  return { ...found, samples: dividedBy(found.samples, divideBy, input) };
}

/** Divides all elements, in place. @throws InvalidInput for integers, unless by 1 */
export function dividedBy(tensor: HostTensor, divisor: number, { name }: GraphValue): HostTensor {
  const { elementType, data } = tensor;
  if (divisor === 1) return tensor;
  if (isInteger(elementType)) {
    throw new InvalidInput(
      `The input "${name}" takes ${elementType}, whose quotients by ${divisor} would have to be rounded; leave --divide-by out.`,
    );
  }
  for (let index = 0; index < data.length; index++) data[index] = (data[index] ?? 0) / divisor;
  return tensor;
}

/**
 * Cuts samples along axis 0 into batches for an input; what does not fill a last batch of a fixed size is left out.
 *
 * @param open samples of a batch where the model leaves that open
 * @throws ShapeMismatch where there is not one batch
 */
export function splitSamples(
  { elementType, shape, data }: HostTensor,
  { name, dimensions }: GraphValue,
  open: number,
): HostTensor[] {
  const [count = 0, ...rest] = shape;
  const [declared] = dimensions ?? [];
  const isFixed = typeof declared === 'number';
  const step = isFixed ? declared : open;
  if (shape.length === 0 || step < 1 || count < (isFixed ? step : 1)) {
    throw new ShapeMismatch(
      `The samples for "${name}" have shape [${shape}], but the model takes batches of ${isFixed ? step : 1}; give at least as many along axis 0.`,
    );
  }
  const size = elementCount(rest);
  const batches = isFixed ? Math.floor(count / step) : Math.ceil(count / step);
  return Array.from({ length: batches }, (_, index) => {
    const [start, end] = [index * step, Math.min((index + 1) * step, count)];
    return { elementType, shape: [end - start, ...rest], data: data.slice(start * size, end * size) };
  });
}

const readers: Readonly<Record<SampleFormat, (bytes: Uint8Array, input: GraphValue) => Samples>> = {
  csv: readTable,
  npy: (bytes, input) => {
    const samples = tensorFromNpy(bytes, input.elementType, `The file of samples for "${input.name}"`);
    return { samples, labels: undefined };
  },
  idx: readImages,
};

function readTable(bytes: Uint8Array, input: GraphValue): Samples {
  const { rowCount, columnCount, data } = readCsv(bytes);
  const columns = columnCount - 1;
  const shape = sampleShape(columns, input, `The file has ${columns} columns before the label`);
  const elementType = input.elementType ?? 'float32';
  const values = hostArray(elementType, rowCount * columns);
  const labels: number[] = [];
  for (let row = 0; row < rowCount; row++) {
    const first = row * columnCount;
    const cells = data.subarray(first, first + columns);
    values.set(cells, row * columns);
    const wrong = isInteger(elementType)
      ? cells.findIndex((cell, index) => cell !== values[row * columns + index])
      : -1;
    if (wrong >= 0) {
      throw new InvalidInput(
        `Row ${row}, column ${wrong} of the file is ${cells[wrong]}, which is no ${elementType}, but the input "${input.name}" takes that.`,
      );
    }
    labels.push(data[first + columns] ?? 0);
  }
  return { samples: { elementType, shape: [rowCount, ...shape], data: values }, labels };
}

/** Images of [samples, rows, columns] have no axis for their one channel, and numbers of another type: both follow the input. */
function readImages(bytes: Uint8Array, input: GraphValue): Samples {
  const { shape, dtype, data } = readIdx(bytes);
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
  return { samples: { elementType, shape: [count, ...own], data: stored }, labels: undefined };
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
