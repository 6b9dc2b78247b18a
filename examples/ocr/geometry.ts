/** Points, rectangles and their corners. x grows to the right and y downwards; pixel i covers i … i + 1. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Corners of a line of text, clockwise from the one where its first letter has its upper left. */
export type Quad = readonly [Point, Point, Point, Point];

/** A rectangle that may be turned. */
export interface Rectangle {
  readonly centre: Point;
  /** Length of the sides along `angle`. */
  readonly width: number;
  /** Length of the sides across. */
  readonly height: number;
  /** Direction of the width in radians, clockwise as seen; −π/4 … π/4. */
  readonly angle: number;
}

/** Twice the area of the triangle a b c; positive where it turns clockwise as seen. */
function turn(a: Point, b: Point, c: Point): number {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

/** The corners of the convex hull, in order around it, without those on its sides (Andrew's monotone chain, 1979). */
export function convexHull(points: readonly Point[]): Point[] {
  const sorted = [...points]
    .sort((left, right) => left.x - right.x || left.y - right.y)
    .filter(({ x, y }, index, all) => x !== all[index - 1]?.x || y !== all[index - 1]?.y);
  const half = (ordered: readonly Point[]): Point[] => {
    const chain: Point[] = [];
    for (const point of ordered) {
      while (chain.length >= 2) {
        const [before, last] = chain.slice(-2);
        if (before && last && turn(before, last, point) > 0) break;
        chain.pop();
      }
      chain.push(point);
    }
    return chain;
  };
  // Each way ends where the other begins.
  const hull = [...half(sorted).slice(0, -1), ...half(sorted.toReversed()).slice(0, -1)];
  return hull.length > 0 ? hull : sorted.slice(0, 1);
}

/** The rectangle around the points with these sides' direction. */
function rectangleAlong(points: readonly Point[], direction: number): Rectangle {
  // Of the four directions of its sides, the one nearest to the horizontal.
  const angle = direction - (Math.PI / 2) * Math.round(direction / (Math.PI / 2));
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const along = points.map(({ x, y }) => x * cos + y * sin);
  const across = points.map(({ x, y }) => y * cos - x * sin);
  const [left, right] = [Math.min(...along), Math.max(...along)];
  const [top, bottom] = [Math.min(...across), Math.max(...across)];
  const [u, v] = [(left + right) / 2, (top + bottom) / 2];
  const centre = { x: u * cos - v * sin, y: u * sin + v * cos };
  return { centre, width: right - left, height: bottom - top, angle };
}

/** The least rectangle around at least one point. One of its sides lies on a side of the hull (Freeman and Shapira, 1975). */
export function minimumAreaRectangle(points: readonly Point[]): Rectangle {
  const hull = convexHull(points);
  let best = rectangleAlong(hull, 0);
  hull.forEach((start, index) => {
    const end = hull[(index + 1) % hull.length] ?? start;
    const candidate = rectangleAlong(hull, Math.atan2(end.y - start.y, end.x - start.x));
    if (candidate.width * candidate.height < best.width * best.height) best = candidate;
  });
  return best;
}

/** The rectangle with each side moved outwards. */
export function expand(rectangle: Rectangle, distance: number): Rectangle {
  return { ...rectangle, width: rectangle.width + 2 * distance, height: rectangle.height + 2 * distance };
}

/** The corners: upper left, upper right, lower right, lower left, as seen before it was turned. */
export function cornersOf({ centre, width, height, angle }: Rectangle): Quad {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const corner = (u: number, v: number): Point => ({
    x: centre.x + (u * width * cos - v * height * sin) / 2,
    y: centre.y + (u * width * sin + v * height * cos) / 2,
  });
  return [corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1)];
}

/** Whether a point lies in the rectangle or on its edge. */
export function contains({ centre, width, height, angle }: Rectangle, { x, y }: Point): boolean {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [dx, dy] = [x - centre.x, y - centre.y];
  return 2 * Math.abs(dx * cos + dy * sin) <= width && 2 * Math.abs(dy * cos - dx * sin) <= height;
}

export function distance(a: Point, b: Point): number {
  return Math.hypot(b.x - a.x, b.y - a.y);
}

/** The mean of the corners. */
export function centreOf(quad: Quad): Point {
  const sum = quad.reduce((total, { x, y }) => ({ x: total.x + x, y: total.y + y }), { x: 0, y: 0 });
  return { x: sum.x / 4, y: sum.y / 4 };
}

/** Length of a line of text, along its top. */
export function lengthOf([start, end]: Quad): number {
  return distance(start, end);
}

/** Height of a line of text. */
export function heightOf([start, , , below]: Quad): number {
  return distance(start, below);
}

/** The same line read from its other end, upside down. */
export function turned([a, b, c, d]: Quad): Quad {
  return [c, d, a, b];
}

/** The same line with more around it: so many times its height at each side. */
export function withMargin(quad: Quad, share: number): Quad {
  const [a, b, c, d] = quad;
  const [width, height] = [Math.max(lengthOf(quad), 1e-6), Math.max(heightOf(quad), 1e-6)];
  const [along, across] = [(share * height) / width, share];
  const move = (u: number, v: number, corner: Point): Point => ({
    x: corner.x + u * along * (b.x - a.x) + v * across * (d.x - a.x),
    y: corner.y + u * along * (b.y - a.y) + v * across * (d.y - a.y),
  });
  return [move(-1, -1, a), move(1, -1, b), move(1, 1, c), move(-1, 1, d)];
}

/** The quad as a line of text: one that is clearly higher than wide is taken to run downwards. */
export function asLine(quad: Quad): Quad {
  const [a, b, c, d] = quad;
  return heightOf(quad) >= 1.5 * lengthOf(quad) ? [b, c, d, a] : quad;
}
