/** Samples that a command calibrates a model with. Node only. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidInput } from '../base/errors.ts';
import type { CommandOption } from './command.ts';
import { divideByOption, divisorOption, readInput, readSampleFile, sampleFormat } from './inputFiles.ts';
import { type CalibrationSamples, calibrationInput } from './jobs/calibrationSamples.ts';
import type { ParsedOptions } from './usage.ts';

/** The options that say what `readCalibration` reads. */
export const sampleOptions: readonly [CommandOption, CommandOption] = [
  {
    name: '--calibration <path>',
    description:
      'Samples: a .npy stacked on axis 0, the images of MNIST or Fashion-MNIST (IDX) or a .csv of numbers with the label last, each of which may be .gz; or a folder of .npy files, a sample each, with a subfolder per input where there are several',
  },
  divideByOption,
];

/** Samples as a job takes them. */
export interface Calibration extends CalibrationSamples {
  readonly inputs: Readonly<Record<string, Uint8Array>>;
}

/** What stands for samples where there are none. */
export const noSamples: Calibration = { calibration: [], stacked: null, divideBy: 1, inputs: {} };

/** Reads the samples in a file or a folder, with the option `--divide-by`. @throws InvalidInput, UsageError */
export async function readCalibration(path: string, options: ParsedOptions): Promise<Calibration> {
  const remedy = 'Name a .npy, .csv or IDX file (…-idx3-ubyte), which may be .gz, or a folder of .npy files.';
  const divideBy = divisorOption(options);
  const entry = statSync(path, { throwIfNoEntry: false });
  if (!entry) throw new InvalidInput(`There is no file or folder ${path}. ${remedy}`);
  if (!entry.isDirectory()) {
    const stacked = sampleFormat(path);
    if (!stacked) throw new InvalidInput(`${path} is no file of samples by its name. ${remedy}`);
    const inputs = { [calibrationInput(0, 0)]: await readSampleFile(path) };
    return { calibration: [{ name: null, count: 1 }], stacked, divideBy, inputs };
  }
  const entries = readdirSync(path, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const groups = (folders.length > 0 ? folders.sort() : [null]).map((name) => {
    const folder = name === null ? path : join(path, name);
    // By number where names differ in one, so that the samples of several inputs belong together.
    const files = readdirSync(folder).filter((each) => each.endsWith('.npy'));
    files.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    return { name, files: files.map((each) => join(folder, each)) };
  });
  const [count = 0] = groups.map(({ files }) => files.length);
  const other = groups.find(({ files }) => files.length !== count);
  if (count === 0) throw new InvalidInput(`There is no .npy file in ${path}. ${remedy}`);
  if (other) {
    throw new InvalidInput(
      `${path} has ${count} samples for "${groups[0]?.name}" and ${other.files.length} for "${other.name}". Give as many for each input.`,
    );
  }
  const inputs = groups.flatMap(({ files }, place) =>
    files.map((each, index) => [calibrationInput(place, index), readInput(each, remedy)] as const),
  );
  const calibration = groups.map(({ name, files }) => ({ name, count: files.length }));
  return { calibration, stacked: null, divideBy, inputs: Object.fromEntries(inputs) };
}
