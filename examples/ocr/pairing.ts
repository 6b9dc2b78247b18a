import { editDistance } from './difference.ts';
import { centreOf, distance, heightOf, type Quad } from './geometry.ts';

/** A line as one reading has it and as another has it; at least one of them does. */
export type Pair<Line> = { readonly left: Line | undefined; readonly right: Line | undefined };

/**
 * Which lines of two readings of a picture are the same: those whose middles are nearest, within the height of a line.
 * In the order of the left reading, then what only the right one has.
 */
export function pairLines<Line extends { readonly quad: Quad }>(
  left: readonly Line[],
  right: readonly Line[],
): Pair<Line>[] {
  const free = new Set(right);
  const pairs = left.map((line) => {
    const centre = centreOf(line.quad);
    let [nearest, least] = [undefined as Line | undefined, heightOf(line.quad)];
    for (const other of free) {
      const apart = distance(centre, centreOf(other.quad));
      if (apart <= least) [nearest, least] = [other, apart];
    }
    if (nearest) free.delete(nearest);
    return { left: line, right: nearest };
  });
  return [...pairs, ...[...free].map((line) => ({ left: undefined, right: line }))];
}

/** How much one reading of a picture differs from another. */
export interface Differences {
  /** Lines that both read alike, of all that one of them found. */
  readonly alike: number;
  readonly lines: number;
  /** Characters to insert, delete or replace, of those of the left reading. */
  readonly changed: number;
  readonly characters: number;
  /** How far corners of boxes lie apart at most, in pixels. */
  readonly farthest: number;
}

/** Compares two readings of a picture. */
export function differencesOf(
  pairs: readonly Pair<{ readonly quad: Quad; readonly reading: { readonly text: string } }>[],
): Differences {
  const texts = pairs.map(({ left, right }) => [left?.reading.text ?? '', right?.reading.text ?? ''] as const);
  const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
  const corners = pairs.flatMap(({ left, right }) =>
    left && right ? left.quad.map((corner, index) => distance(corner, right.quad[index] ?? corner)) : [],
  );
  return {
    alike: pairs.filter(({ left, right }) => left && right && left.reading.text === right.reading.text).length,
    lines: pairs.length,
    changed: sum(texts.map(([left, right]) => editDistance(left, right))),
    characters: sum(texts.map(([left]) => [...left].length)),
    farthest: Math.max(0, ...corners),
  };
}
