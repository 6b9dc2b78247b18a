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
