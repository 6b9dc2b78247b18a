import { centreOf, heightOf, lengthOf, type Quad } from './geometry.ts';

/** The direction of most text, in radians: the median, so that single lines askew do not count. */
function slantOf(quads: readonly Quad[]): number {
  const angles = quads
    .filter((quad) => lengthOf(quad) > heightOf(quad))
    .map(([start, end]) => Math.atan((end.y - start.y) / (end.x - start.x)))
    .filter(Number.isFinite)
    .sort((left, right) => left - right);
  return angles[Math.floor(angles.length / 2)] ?? 0;
}

/**
 * Sorts lines of text as they are read: from the top down, and those side by side from left to right. Lines are side by
 * side where the middle of the one lies within half the height of the other's, on a page that may be askew.
 *
 * @param quadOf corners of the line of an item
 */
export function inReadingOrder<Item>(items: readonly Item[], quadOf: (item: Item) => Quad): Item[] {
  const slant = slantOf(items.map(quadOf));
  const [cos, sin] = [Math.cos(slant), Math.sin(slant)];
  const placed = items
    .map((item) => {
      const quad = quadOf(item);
      const { x, y } = centreOf(quad);
      return { item, across: x * cos + y * sin, down: y * cos - x * sin, height: heightOf(quad) };
    })
    .sort((left, right) => left.down - right.down);
  const rows: (typeof placed)[] = [];
  for (const line of placed) {
    const row = rows.at(-1);
    const first = row?.[0];
    if (row && first && line.down - first.down <= Math.min(first.height, line.height) / 2) row.push(line);
    else rows.push([line]);
  }
  return rows.flatMap((row) => row.sort((left, right) => left.across - right.across).map(({ item }) => item));
}
