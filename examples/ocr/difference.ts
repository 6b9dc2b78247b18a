/** How two texts differ. */

/** A piece of a text that both have, or that only this one has. */
export interface Piece {
  readonly text: string;
  readonly differs: boolean;
}

/** [left.length + 1, right.length + 1]: the least number of characters to insert, delete or replace between the ends of both. */
function costs(left: readonly string[], right: readonly string[]): Uint32Array {
  const columns = right.length + 1;
  const table = new Uint32Array((left.length + 1) * columns);
  for (let i = left.length; i >= 0; i--) {
    for (let j = right.length; j >= 0; j--) {
      const at = (di: number, dj: number): number => table[(i + di) * columns + j + dj] ?? 0;
      const options = [
        ...(i < left.length && j < right.length ? [at(1, 1) + (left[i] === right[j] ? 0 : 1)] : []),
        ...(i < left.length ? [at(1, 0) + 1] : []),
        ...(j < right.length ? [at(0, 1) + 1] : []),
      ];
      table[i * columns + j] = options.length > 0 ? Math.min(...options) : 0;
    }
  }
  return table;
}

/** The least number of characters to insert, delete or replace to make one text from the other (Levenshtein, 1966). */
export function editDistance(left: string, right: string): number {
  return costs([...left], [...right])[0] ?? 0;
}

function append(pieces: Piece[], text: string, differs: boolean): void {
  const last = pieces.at(-1);
  if (last?.differs === differs) pieces[pieces.length - 1] = { text: last.text + text, differs };
  else pieces.push({ text, differs });
}

/** Both texts in pieces, by an alignment with the fewest changes. */
export function compareTexts(left: string, right: string): { readonly left: Piece[]; readonly right: Piece[] } {
  const [a, b] = [[...left], [...right]];
  const table = costs(a, b);
  const cost = (i: number, j: number): number => table[i * (b.length + 1) + j] ?? 0;
  const pieces: { left: Piece[]; right: Piece[] } = { left: [], right: [] };
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [x, y] = [a[i], b[j]];
    if (x !== undefined && y !== undefined && cost(i, j) === cost(i + 1, j + 1) + (x === y ? 0 : 1)) {
      append(pieces.left, x, x !== y);
      append(pieces.right, y, x !== y);
      i++;
      j++;
    } else if (x !== undefined && cost(i, j) === cost(i + 1, j) + 1) {
      append(pieces.left, x, true);
      i++;
    } else if (y !== undefined) {
      append(pieces.right, y, true);
      j++;
    }
  }
  return pieces;
}

/** How well lines were read, whatever their order. */
export interface Agreement {
  /** Lines that were read exactly as they are, each counted once. */
  readonly exact: number;
  readonly total: number;
  /** Characters wrong per character of the lines in their order; 0 where all is right. */
  readonly characterErrorRate: number;
}

/** Compares lines that were read with what they should be. */
export function agreement(expected: readonly string[], found: readonly string[]): Agreement {
  const left = [...found];
  let exact = 0;
  for (const line of expected) {
    const index = left.indexOf(line);
    if (index < 0) continue;
    left.splice(index, 1);
    exact++;
  }
  const whole = expected.join('\n');
  const errors = editDistance(whole, found.join('\n'));
  return { exact, total: expected.length, characterErrorRate: errors / Math.max([...whole].length, 1) };
}
