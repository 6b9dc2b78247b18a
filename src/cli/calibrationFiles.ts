/** Samples that a command calibrates a model with. Node only. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidInput } from '../base/errors.ts';
import type { CommandOption } from './command.ts';
import { readInput } from './inputFiles.ts';
import { type CalibrationSamples, calibrationInput } from './jobs/calibrationSamples.ts';

/** The option that names what `readCalibration` reads. */
export const calibrationOption: CommandOption = {
  name: '--calibration <path>',
  description:
    'Samples: one .npy file, stacked on axis 0; or a folder of .npy files, a sample each, with a subfolder per input where there are several',
};

/** Samples as a job takes them. */
export interface Calibration extends CalibrationSamples {
  readonly inputs: Readonly<Record<string, Uint8Array>>;
}

/** What stands for samples where there are none. */
export const noSamples: Calibration = { calibration: [], stacked: true, inputs: {} };

/** Reads the samples in a file or a folder. @throws InvalidInput */
export function readCalibration(path: string): Calibration {
  const remedy = 'Name a .npy file, or a folder of such files.';
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    const inputs = { [calibrationInput(0, 0)]: readInput(path, remedy) };
    return { calibration: [{ name: null, count: 1 }], stacked: true, inputs };
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
  return { calibration, stacked: false, inputs: Object.fromEntries(inputs) };
}
