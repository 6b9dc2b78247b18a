/** Files that a command writes: whole or not at all, and never over its input. Node only. */
import { randomBytes } from 'node:crypto';
import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { InvalidInput } from '../base/errors.ts';

/**
 * Checks before the work that a file can be written after it.
 *
 * @param input a file that is only read
 * @throws InvalidInput when the folder does not exist, the path is a folder, or it is the input
 */
export function assertWritable(path: string, input: string): void {
  const folder = dirname(resolve(path));
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new InvalidInput(`${path} cannot be written: the folder ${folder} does not exist. Make it first.`);
  }
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing?.isDirectory()) {
    throw new InvalidInput(`${path} cannot be written: it is a folder. Name a file.`);
  }
  if (existing && realpathSync(path) === realpathSync(input)) {
    throw new InvalidInput(`${path} is the input, which is not overwritten. Name another file.`);
  }
}

/**
 * Writes a file beside its place and then moves it there, so that it is never seen half written.
 *
 * @throws InvalidInput when it cannot be written
 */
export function writeWhole(path: string, bytes: Uint8Array): void {
  const beside = `${path}.${randomBytes(6).toString('hex')}.partial`;
  try {
    writeFileSync(beside, bytes);
    renameSync(beside, path);
  } catch (cause) {
    rmSync(beside, { force: true });
    throw new InvalidInput(
      `${path} could not be written: ${cause instanceof Error ? cause.message : cause}. Check the space and the rights there.`,
      { cause },
    );
  }
}
