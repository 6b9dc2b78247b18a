import { makeSvg } from '../shared/elements.ts';
import type { PlottedAxis } from './cloud.ts';

/** Pixels at the lower right that the buttons for zooming cover. */
const zoomButtons = 58;
const zoomHeight = 150;
/** Where the ends of an edge are labelled: short of the corner, where edges meet. */
const labelled = 0.86;
/** Pixels of a letter, about. */
const letterWidth = 6.6;
/** Pixels between two ticks, at least. */
const tickSpacing = 84;

interface Place {
  readonly x: number;
  readonly y: number;
}

/** Where a place of the plot is on a canvas, in pixels. */
export function toScreen(
  matrix: Float32Array,
  [x, y, z]: readonly [number, number, number],
  { width, height }: { readonly width: number; readonly height: number },
): Place & { readonly depth: number } {
  const row = (index: number): number =>
    (matrix[index] as number) * x +
    (matrix[index + 4] as number) * y +
    (matrix[index + 8] as number) * z +
    (matrix[index + 12] as number);
  const depth = row(3);
  return { x: ((row(0) / depth + 1) / 2) * width, y: ((1 - row(1) / depth) / 2) * height, depth };
}

/** Round numbers from `low` to `high`, about `count` of them. */
export function ticksBetween(low: number, high: number, count: number): number[] {
  const rough = (high - low) / Math.max(count, 1);
  if (!(rough > 0) || !Number.isFinite(rough)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) => (first + index) * step);
}

/** A coordinate as a label, with as many digits as the range needs. */
export function tickLabel(value: number, range: number): string {
  if (value === 0) return '0';
  const digits = Math.ceil(Math.log10(Math.abs(value) / Math.max(range, 1e-300))) + 2;
  const text = Number(value.toPrecision(Math.min(Math.max(digits, 2), 15)));
  return Math.abs(text) >= 1e6 || Math.abs(text) < 1e-4 ? text.toExponential() : String(text);
}

function line(from: Place, to: Place, className: string): SVGLineElement {
  return makeSvg('line', { x1: from.x, y1: from.y, x2: to.x, y2: to.y, class: className });
}

function text({ x, y }: Place, content: string, anchor: 'start' | 'middle' | 'end', className = ''): SVGTextElement {
  return makeSvg('text', { x, y, 'text-anchor': anchor, class: className }, content);
}

/** The scales around a plot of points, drawn over it. */
export class AxesOverlay {
  readonly #drawing: SVGSVGElement;

  constructor(drawing: SVGSVGElement) {
    this.#drawing = drawing;
  }

  /** @param matrix the plot was drawn with */
  draw(matrix: Float32Array, axes: readonly PlottedAxis[], columns: readonly string[]): void {
    const { clientWidth: width, clientHeight: height } = this.#drawing;
    this.#drawing.setAttribute('viewBox', `0 0 ${width} ${height}`);
    const named = axes.map((axis) => ({ ...axis, name: columns[axis.column] ?? '' }));
    const shapes = axes.length === 3 ? box(matrix, named, { width, height }) : scales(matrix, named, { width, height });
    this.#drawing.replaceChildren(...shapes);
  }
}

type NamedAxis = PlottedAxis & { readonly name: string };
type Size = { readonly width: number; readonly height: number };

/** Lines at round values of two axes. */
function scales(matrix: Float32Array, [x, y]: readonly NamedAxis[], { width, height }: Size): SVGElement[] {
  const shapes: SVGElement[] = [];
  if (!x || !y) return shapes;
  const seen = ({ middle, scale }: NamedAxis, index: 0 | 1): [number, number] => {
    const factor = matrix[index * 5] as number;
    const shift = matrix[12 + index] as number;
    return [(-1 - shift) / factor / scale + middle, (1 - shift) / factor / scale + middle];
  };
  const [left, right] = seen(x, 0);
  const [bottom, top] = seen(y, 1);
  for (const value of ticksBetween(left, right, width / tickSpacing)) {
    const across = ((value - left) / (right - left)) * width;
    shapes.push(line({ x: across, y: 0 }, { x: across, y: height }, 'grid'));
    if (across > 30 && across < width - zoomButtons) {
      shapes.push(text({ x: across, y: height - 6 }, tickLabel(value, right - left), 'middle'));
    }
  }
  for (const value of ticksBetween(bottom, top, height / tickSpacing)) {
    const down = ((top - value) / (top - bottom)) * height;
    shapes.push(line({ x: 0, y: down }, { x: width, y: down }, 'grid'));
    if (down > 34 && down < height - 24)
      shapes.push(text({ x: 6, y: down - 4 }, tickLabel(value, top - bottom), 'start'));
  }
  shapes.push(text({ x: width - zoomButtons, y: height - 22 }, `${x.name} →`, 'end', 'name'));
  shapes.push(text({ x: 8, y: 18 }, `↑ ${y.name}`, 'start', 'name'));
  return shapes;
}

/** The edges of the box around three axes, with names and ends where they can be read. */
function box(matrix: Float32Array, axes: readonly NamedAxis[], size: Size): SVGElement[] {
  const half = axes.map(({ low, high, scale }) => Math.max(((high - low) / 2) * scale, 0.02));
  const corner = (signs: readonly number[]) => {
    const [x, y, z] = half.map((reach, axis) => reach * (signs[axis] ?? 0));
    return toScreen(matrix, [x ?? 0, y ?? 0, z ?? 0], size);
  };
  const middle = toScreen(matrix, [0, 0, 0], size);
  const shapes: SVGElement[] = [];
  for (const [axis, { name, low, high }] of axes.entries()) {
    const others = [0, 1, 2].filter((other) => other !== axis);
    const edges = [-1, 1].flatMap((first) =>
      [-1, 1].map((second) => {
        const end = (sign: number): number[] =>
          [0, 1, 2].map((index) => (index === axis ? sign : index === others[0] ? first : second));
        const place = (along: number) => corner(end(along));
        return { from: place(-1), low: place(-labelled), middle: place(0), high: place(labelled), to: place(1) };
      }),
    );
    // A box around the eye has no outside.
    if (edges.some(({ from, to }) => from.depth <= 0.01 || to.depth <= 0.01)) continue;
    for (const edge of edges) shapes.push(line(edge.from, edge.to, 'grid'));
    // Names stand at the outermost edge: below for what lies flat, to the left for what stands.
    const outermost = edges.reduce((best, edge) => {
      const isFarther = axis === 2 ? edge.middle.x < best.middle.x : edge.middle.y > best.middle.y;
      return isFarther ? edge : best;
    });
    const label = (place: Place, by: number, content: string, className = ''): SVGTextElement => {
      const [right, down] = [place.x - middle.x, place.y - middle.y];
      const length = Math.hypot(right, down) || 1;
      const y = Math.min(Math.max(place.y + (down / length) * by + 4, 14), size.height - 6);
      const half = letterWidth * (content.length / 2) + 4;
      const end = size.width - half - (y > size.height - zoomHeight ? zoomButtons - 8 : 0);
      const x = Math.max(Math.min(place.x + (right / length) * by, end), half);
      return text({ x, y }, content, 'middle', className);
    };
    shapes.push(label(outermost.middle, 22, name, 'name'));
    shapes.push(label(outermost.low, 12, tickLabel(low, high - low)));
    shapes.push(label(outermost.high, 12, tickLabel(high, high - low)));
  }
  return shapes;
}
