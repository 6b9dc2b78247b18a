import { InvalidInput } from '../base/errors.ts';

/** A selection of columns that is malformed, or that the table does not have. */
export class InvalidColumns extends InvalidInput {}

/**
 * Which columns of a table: a text of zero-based indices and inclusive ranges such as `0-3` or `0,2,5-7`, or the
 * indices themselves. The order given is the order returned; no column may come twice.
 */
export type ColumnSelection = string | readonly number[];

/**
 * Resolves a selection to column indices.
 *
 * @param columnCount columns there are; indices go from 0 to columnCount − 1
 * @throws InvalidColumns if the selection is empty, malformed, repeats a column or goes beyond the last one
 */
export function parseColumns(selection: ColumnSelection, columnCount: number): number[] {
  const ranges =
    typeof selection === 'string' ? parseRanges(selection) : selection.map((column) => [column, column] as const);
  const columns = new Set<number>();
  for (const [first, last] of ranges) {
    if (!Number.isInteger(first) || first < 0 || last < first || last >= columnCount) {
      const range = first === last ? `${first}` : `${first}-${last}`;
      throw new InvalidColumns(
        `The columns ${range} are not in the table, which has ${columnCount}. Choose from 0 to ${columnCount - 1}, the lower index first.`,
      );
    }
    for (let column = first; column <= last; column++) {
      if (columns.has(column)) throw new InvalidColumns(`Column ${column} is selected twice. Name each column once.`);
      columns.add(column);
    }
  }
  if (columns.size === 0) throw new InvalidColumns('No column is selected. Name at least one, such as 0 or 0-3.');
  return [...columns];
}

function parseRanges(text: string): (readonly [number, number])[] {
  return text.split(',').map((part) => {
    const match = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(part);
    if (!match) {
      throw new InvalidColumns(
        `'${text.slice(0, 80)}' does not name columns. Give zero-based indices and inclusive ranges, such as 0-3 or 0,2,5-7.`,
      );
    }
    return [Number(match[1]), Number(match[2] ?? match[1])] as const;
  });
}
