/** Samples in files, as inputs of a model. */
import { InvalidInput } from '../../base/errors.ts';
import type { GraphValue } from '../../graph/graph.ts';
import type { HostTensor } from '../../graph/hostTensor.ts';
import { tensorFromNpy } from '../../onnx/npy.ts';
import { dividedBy, type SampleFormat, samplesOf, splitSamples } from './sampleFiles.ts';

/** Samples for one input of the model. */
export interface CalibrationFiles {
  /** Name of the input; null for the only one of the model. */
  readonly name: string | null;
  /** Number of files, which are the job's inputs named `calibrationInput(place, index)`. */
  readonly count: number;
}

/** Where the samples of a job are. */
export interface CalibrationSamples {
  /** None where there are no samples. */
  readonly calibration: readonly CalibrationFiles[];
  /** Kind of the one file that holds all samples; null where each file holds one, as `.npy`. */
  readonly stacked: SampleFormat | null;
  /** What the elements are divided by. */
  readonly divideBy: number;
}

/** Name of the job's input that holds samples of the input at a place of `calibration`. */
export const calibrationInput = (place: number, index: number): string => `calibration${place}-${index}`;

/** The samples as inputs of the model. @throws InvalidInput, ShapeMismatch */
export function batchesOf(
  declared: readonly GraphValue[],
  { calibration, stacked, divideBy }: CalibrationSamples,
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
    for (let index = 0; index < count; index++) {
      const file = inputs[calibrationInput(place, index)] ?? new Uint8Array();
      if (stacked) {
        const { samples } = samplesOf(file, { format: stacked, divideBy }, value);
        for (const sample of splitSamples(samples, value, 1)) batches.push({ [value.name]: sample });
      } else {
        const sample = tensorFromNpy(file, value.elementType, `Sample ${index} of the input "${value.name}"`);
        batches[index] = { ...batches[index], [value.name]: whole(dividedBy(sample, divideBy, value), value) };
      }
    }
  });
  return batches;
}

/** A sample as an input of the model: with a batch axis of length 1 where it lacks that. */
function whole(sample: HostTensor, { dimensions }: GraphValue): HostTensor {
  const lacksBatch = dimensions !== undefined && sample.shape.length === dimensions.length - 1;
  return lacksBatch ? { ...sample, shape: [1, ...sample.shape] } : sample;
}
