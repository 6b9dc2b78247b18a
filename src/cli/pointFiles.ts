/** What the commands that cluster the rows of a file have in common. */
import { extname, resolve } from 'node:path';
import { InvalidColumns } from '../io/columns.ts';
import { writeNpy } from '../io/npy.ts';
import { type PointsFormat, readPoints } from '../io/points.ts';
import type { CommandOption } from './command.ts';
import { readInput } from './inputFiles.ts';
import { assertWritable, writeWhole } from './outputFiles.ts';
import { formatNumber, textTable } from './text.ts';
import { type ParsedOptions, textOption, UsageError } from './usage.ts';

/** The option that `readPointFile` reads. */
export const columnsOption: CommandOption = {
  name: '--columns <ranges>',
  description: 'Columns to use, zero-based and inclusive, such as 0-3 or 0,2,5-7; all',
};

/** The other one. */
export const headerOption: CommandOption = {
  name: '--header',
  description: 'The first line of the .csv file names the columns, whatever it looks like; found out unless given',
};

/** The option of every clustering command for its labels. */
export const labelsOption: CommandOption = {
  name: '--labels <file.npy>',
  description: 'Write the cluster of each row there (int32)',
};

const formats: Readonly<Record<string, PointsFormat>> = { '.npy': 'npy', '.csv': 'csv', '.parquet': 'parquet' };

/**
 * The points of a file as a `.npy` array for a job, and their header.
 *
 * @throws InvalidInput, UsageError for columns that are not there
 */
export async function readPointFile(file: string, options: ParsedOptions): Promise<Uint8Array> {
  const columns = textOption(options, 'columns');
  const bytes = readInput(file, 'Name a .csv, .npy or .parquet file.');
  const format = formats[extname(file).toLowerCase()];
  try {
    const read = await readPoints(bytes, {
      ...(format && { format }),
      ...(columns !== undefined && { columns }),
      ...(options.header === true && { header: true }),
    });
    return writeNpy({ shape: [read.rowCount, read.columnCount], data: read.data });
  } catch (cause) {
    // Columns that are malformed or not there are a mistake on the command line, not in the file.
    throw cause instanceof InvalidColumns ? new UsageError(`--columns: ${cause.message}`, { cause }) : cause;
  }
}

/** `.npy` files that a command writes, by the names of their options. */
export class ArrayOutputs<Name extends string> {
  readonly #paths = new Map<Name, string>();

  /** @throws UsageError for a name that does not end in .npy, and for two that are the same */
  constructor(options: ParsedOptions, names: readonly Name[]) {
    for (const name of names) {
      const path = textOption(options, name);
      if (path === undefined) continue;
      if (extname(path).toLowerCase() !== '.npy') {
        throw new UsageError(`--${name} is ${JSON.stringify(path)}; it takes a file name that ends in .npy.`);
      }
      const other = [...this.#paths].find(([, known]) => resolve(known) === resolve(path));
      if (other)
        throw new UsageError(`--${other[0]} and --${name} are both ${resolve(path)}; name two different files.`);
      this.#paths.set(name, path);
    }
  }

  /** The files asked for. */
  get names(): readonly Name[] {
    return [...this.#paths.keys()];
  }

  /** @throws InvalidInput when one could not be written, or is the input */
  assertWritable(input: string): void {
    for (const path of this.#paths.values()) assertWritable(path, input);
  }

  write(files: Readonly<Record<string, Uint8Array>> | undefined): void {
    for (const [name, path] of this.#paths) writeWhole(path, files?.[name] ?? new Uint8Array());
  }

  /** A line for each file, for people. */
  describe(): readonly string[] {
    return [...this.#paths].map(([name, path]) => `${name.padEnd(10)}  written to ${path}`);
  }
}

/** Clusters, their points and shares, for people. */
export function sizesTable(sizes: readonly number[], total = sizes.reduce((sum, size) => sum + size, 0)): string {
  return textTable(
    ['cluster', 'points', 'share'],
    sizes.map((size, cluster) => [`${cluster}`, size.toLocaleString('en'), `${formatNumber((100 * size) / total)} %`]),
  );
}
