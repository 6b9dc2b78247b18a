import { makeSvg } from '../shared/elements.ts';
import { tickLabel, ticksBetween } from './axesOverlay.ts';

const width = 360;
const height = 190;
const margin = { left: 48, right: 14, top: 30, bottom: 36 } as const;

/** A curve, and what to point out on it. */
export interface Curve {
  readonly title: string;
  /** What the places along the bottom are. */
  readonly x: string;
  readonly places: readonly number[];
  readonly values: readonly number[];
  /** Whether each value is marked with a dot. */
  readonly dots?: boolean;
  /** A place that is pointed out. */
  readonly mark?: { readonly place: number; readonly label: string };
  /** A value that is pointed out. */
  readonly level?: { readonly value: number; readonly label: string };
}

/** The box that the drawing of a chart is made in, and where values lie in it. */
export interface ChartFrame {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  readonly shapes: SVGElement[];
}

/** Titles and scales of a chart, to draw in. */
export function chartFrame(
  title: string,
  xName: string,
  [left, right]: readonly [number, number],
  [bottom, top]: readonly [number, number],
): ChartFrame {
  const x = (value: number): number =>
    margin.left + ((value - left) / (right - left || 1)) * (width - margin.left - margin.right);
  const y = (value: number): number =>
    height - margin.bottom - ((value - bottom) / (top - bottom || 1)) * (height - margin.top - margin.bottom);
  const label = (at: number, down: number, content: string, anchor: string, className = '') =>
    makeSvg('text', { x: at, y: down, 'text-anchor': anchor, class: className }, content);
  const shapes: SVGElement[] = [label(4, 15, title, 'start', 'name')];
  for (const value of ticksBetween(bottom, top, 4)) {
    shapes.push(
      makeSvg('line', { x1: margin.left, x2: width - margin.right, y1: y(value), y2: y(value), class: 'grid' }),
      label(margin.left - 6, y(value) + 4, tickLabel(value, top - bottom), 'end'),
    );
  }
  if (xName !== '') {
    for (const value of ticksBetween(left, right, 6)) {
      shapes.push(label(x(value), height - margin.bottom + 14, tickLabel(value, right - left), 'middle'));
    }
    shapes.push(label(width - margin.right, height - 5, xName, 'end'));
  }
  return { x, y, shapes };
}

/** Puts what was drawn into a picture of that title. */
export function showChart(drawing: SVGSVGElement, title: string, shapes: readonly SVGElement[]): void {
  drawing.setAttribute('viewBox', `0 0 ${width} ${height}`);
  drawing.setAttribute('aria-label', title);
  drawing.replaceChildren(...shapes);
}

/** Draws a curve. */
export function drawCurve(drawing: SVGSVGElement, curve: Curve): void {
  const { title, places, values, mark, level } = curve;
  const seen = level ? [...values, level.value] : values;
  const [low, high] = [Math.min(...seen), Math.max(...seen)];
  // Values that are all of a kind lie in the middle.
  const room = high > low ? 0 : Math.abs(high) || 1;
  const { x, y, shapes } = chartFrame(
    title,
    curve.x,
    [places[0] ?? 0, places.at(-1) ?? 1],
    [Math.min(low, Math.max(0, low - (high - low))) - room, high + room],
  );
  const points = values.map((value, index) => [x(places[index] ?? 0), y(value)] as const);
  shapes.push(makeSvg('polyline', { points: points.map((place) => place.join(',')).join(' '), class: 'curve' }));
  if (curve.dots) for (const [cx, cy] of points) shapes.push(makeSvg('circle', { cx, cy, r: 3, class: 'dot' }));
  if (level) {
    const down = y(level.value);
    shapes.push(
      makeSvg('line', { x1: margin.left, x2: width - margin.right, y1: down, y2: down, class: 'level' }),
      makeSvg('text', { x: margin.left + 6, y: down - 5, class: 'pointed' }, level.label),
    );
  }
  if (mark) {
    const across = x(mark.place);
    const isLeft = across < width / 2;
    // Away from the curve.
    const isHigh = y(values[places.indexOf(mark.place)] ?? 0) < height / 2;
    const down = isHigh ? height - margin.bottom - 6 : margin.top + 10;
    shapes.push(
      makeSvg('line', { x1: across, x2: across, y1: margin.top, y2: height - margin.bottom, class: 'level' }),
      makeSvg(
        'text',
        {
          x: across + (isLeft ? 6 : -6),
          y: down,
          'text-anchor': isLeft ? 'start' : 'end',
          class: 'pointed',
        },
        mark.label,
      ),
    );
  }
  showChart(drawing, title, shapes);
}
