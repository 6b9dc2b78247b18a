/** Files that a command reads. Node only. */
import { readFileSync } from 'node:fs';
import { InvalidInput } from '../base/errors.ts';
import { gunzip } from '../io/gzip.ts';
import type { CommandOption } from './command.ts';
import type { SampleFormat } from './jobs/sampleFiles.ts';
import { magnitudeOption, type ParsedOptions, textOption, UsageError } from './usage.ts';

/**
 * Reads a file.
 *
 * @param remedy what to do when that fails
 * @throws InvalidInput
 */
export function readInput(file: string, remedy: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(file));
  } catch (cause) {
    throw new InvalidInput(`${file} could not be read: ${cause instanceof Error ? cause.message : cause}. ${remedy}`, {
      cause,
    });
  }
}

/** How files of samples are named, before `.gz`; those of MNIST come as `t10k-images-idx3-ubyte` and with a point for a dash. */
const formats: readonly (readonly [RegExp, SampleFormat])[] = [
  [/\.csv$/i, 'csv'],
  [/\.npy$/i, 'npy'],
  [/[.-]idx(\d(-ubyte)?)?$/i, 'idx'],
];

/** What a file of samples is by its name; undefined for any other. */
export function sampleFormat(file: string): SampleFormat | undefined {
  return formats.find(([ending]) => ending.test(file.replace(/\.gz$/i, '')))?.[1];
}

/** Reads a file of samples, decompressed. @throws InvalidInput */
export async function readSampleFile(file: string): Promise<Uint8Array> {
  return gunzip(readInput(file, 'Name a .csv, .npy or IDX file, which may be .gz.'), file);
}

/** The option that `divisorOption` reads. */
export const divideByOption: CommandOption = {
  name: '--divide-by <number>',
  description: 'What the elements in a file are divided by: 16 for UCI digits, 255 for bytes of images; 1 unless given',
};

/** What elements of samples are divided by. @throws UsageError */
export function divisorOption(options: ParsedOptions): number {
  if (textOption(options, 'divide-by') === undefined) return 1;
  const divisor = magnitudeOption(options, 'divide-by');
  if (divisor === 0) throw new UsageError('--divide-by is 0; it takes a number above 0.');
  return divisor;
}
