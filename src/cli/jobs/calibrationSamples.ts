/** Samples in files, as inputs of a model. */
import { InvalidInput, ShapeMismatch } from '../../base/errors.ts';
import { elementCount } from '../../base/shape.ts';
import type { GraphValue } from '../../graph/graph.ts';
import type { HostTensor } from '../../graph/hostTensor.ts';
import { tensorFromNpy } from '../../onnx/npy.ts';

/** Samples for one input of the model. */
export interface CalibrationFiles {
  /** Name of the input; null for the only one of the model. */
  readonly name: string | null;
  /** Number of `.npy` files, which are the job's inputs named `calibrationInput(place, index)`. */
  readonly count: number;
}

/** Where the samples of a job are. */
export interface CalibrationSamples {
  /** None where there are no samples. */
  readonly calibration: readonly CalibrationFiles[];
  /** True where a file holds samples stacked on axis 0; otherwise each file holds one. */
  readonly stacked: boolean;
}

/** Name of the job's input that holds samples of the input at a place of `calibration`. */
export const calibrationInput = (place: number, index: number): string => `calibration${place}-${index}`;

/** The samples as inputs of the model. @throws InvalidInput, ShapeMismatch */
export function batchesOf(
  declared: readonly GraphValue[],
  { calibration, stacked }: CalibrationSamples,
  inputs: Readonly<Record<string, Uint8Array>>,
): Readonly<Record<string, HostTensor>>[] {
  const batches: Record<string, HostTensor>[] = [];
  calibration.forEach(({ name, count }, place) => {
    const value = declared.find((input) => input.name === name) ?? (name === null ? declared[0] : undefined);
    if (!value || (name === null && declared.length > 1)) {
      const names = declared.map((input) => JSON.stringify(input.name)).join(', ');
      throw new InvalidInput(
        `The model has the inputs ${names}; give a folder with a subfolder of .npy files for each of them.`,
      );
    }
    const tensors = Array.from({ length: count }, (_, index) => {
      const file = inputs[calibrationInput(place, index)] ?? new Uint8Array();
      return tensorFromNpy(file, value.elementType, `Sample ${index} of the input "${value.name}"`);
    });
    const samples = stacked
      ? tensors.flatMap((tensor) => split(tensor, value))
      : tensors.map((one) => whole(one, value));
    samples.forEach((sample, index) => {
      batches[index] = { ...batches[index], [value.name]: sample };
    });
  });
  return batches;
}

/** Batches of the model from samples stacked on axis 0; what does not fill a last one is left out. */
function split({ elementType, shape, data }: HostTensor, { name, dimensions }: GraphValue): HostTensor[] {
  const [count = 0, ...rest] = shape;
  const [first] = dimensions ?? [];
  const batch = typeof first === 'number' ? first : 1;
  if (shape.length === 0 || batch === 0 || count < batch) {
    throw new ShapeMismatch(
      `The samples for "${name}" have shape [${shape}], but the model takes batches of ${batch}; stack at least as many on axis 0.`,
    );
  }
  const size = batch * elementCount(rest);
  return Array.from({ length: Math.floor(count / batch) }, (_, index) => {
    return { elementType, shape: [batch, ...rest], data: data.slice(index * size, (index + 1) * size) };
  });
}

/** A sample as an input of the model: with a batch axis of length 1 where it lacks that. */
function whole(sample: HostTensor, { dimensions }: GraphValue): HostTensor {
  const lacksBatch = dimensions !== undefined && sample.shape.length === dimensions.length - 1;
  return lacksBatch ? { ...sample, shape: [1, ...sample.shape] } : sample;
}
