/** Files that a command reads. Node only. */
import { readFileSync } from 'node:fs';
import { InvalidInput } from '../base/errors.ts';

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
