/**
 * Before and after the detector: "Real-time Scene Text Detection with Differentiable Binarization" (Liao et al., 2020),
 * with the settings of PaddleOCR.
 */
import { type Component, connectedComponents } from './components.ts';
import {
  asLine,
  contains,
  cornersOf,
  expand,
  minimumAreaRectangle,
  type Point,
  type Quad,
  type Rectangle,
} from './geometry.ts';
import { type Normalization, type Source, wholeOf, writePlanes } from './picture.ts';

const colours: Normalization = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
const sizeStep = 32;

const thresholds = {
  /** Pixels with more than this are text. */
  pixel: 0.3,
  /** Boxes whose pixels have less than this on average are none. */
  box: 0.6,
  /** How far boxes grow, since the model is trained to mark shrunk ones: area · ratio / circumference. */
  growth: 1.5,
  /** Least side of a box in pixels of the map, before it grows and after. */
  sides: [3, 5],
} as const;

export interface DetectorInput {
  /** [1, 3, height, width] */
  readonly data: Float32Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
}

/**
 * The picture as the detector takes it.
 *
 * @param longestSide to which it is shrunk at most, in pixels; both sides become multiples of 32
 */
export function detectorInput(source: Source, longestSide: number): DetectorInput {
  const { picture } = source;
  const scale = Math.min(longestSide / Math.max(picture.width, picture.height), 1);
  const fitted = (side: number): number => Math.max(Math.round((side * scale) / sizeStep), 1) * sizeStep;
  const [width, height] = [fitted(picture.width), fitted(picture.height)];
  const data = new Float32Array(3 * height * width);
  writePlanes(source.cut(wholeOf(picture), width, height), colours, data);
  return { data, width, height };
}

/** A line of text that was found. */
export interface Box {
  /** Corners in the picture. */
  readonly quad: Quad;
  /** Mean probability of text in it, 0.6 … 1. */
  readonly score: number;
}

function cornersOfRuns(component: Component): Point[] {
  return component.flatMap(({ y, first, last }) => [
    { x: first, y },
    { x: last + 1, y },
    { x: first, y: y + 1 },
    { x: last + 1, y: y + 1 },
  ]);
}

/** Mean of the pixels whose middle lies in the rectangle. */
function meanWithin(values: Float32Array, width: number, height: number, rectangle: Rectangle): number {
  const corners = cornersOf(rectangle);
  const [xs, ys] = [corners.map(({ x }) => x), corners.map(({ y }) => y)];
  const [right, bottom] = [Math.min(Math.ceil(Math.max(...xs)), width), Math.min(Math.ceil(Math.max(...ys)), height)];
  let [sum, count] = [0, 0];
  for (let y = Math.max(Math.floor(Math.min(...ys)), 0); y < bottom; y++) {
    for (let x = Math.max(Math.floor(Math.min(...xs)), 0); x < right; x++) {
      if (!contains(rectangle, { x: x + 0.5, y: y + 0.5 })) continue;
      sum += values[y * width + x] ?? 0;
      count++;
    }
  }
  return count === 0 ? 0 : sum / count;
}

/**
 * The lines of text in a map of probabilities.
 *
 * @param probabilities [mapHeight, mapWidth], 0 … 1
 * @param size of the picture that the map stands for
 */
export function findBoxes(
  probabilities: Float32Array,
  map: { readonly width: number; readonly height: number },
  size: { readonly width: number; readonly height: number },
): Box[] {
  const [leastBefore, leastAfter] = thresholds.sides;
  const boxes: Box[] = [];
  for (const component of connectedComponents(probabilities, map.width, map.height, thresholds.pixel)) {
    const core = minimumAreaRectangle(cornersOfRuns(component));
    if (Math.min(core.width, core.height) < leastBefore) continue;
    const score = meanWithin(probabilities, map.width, map.height, core);
    if (score < thresholds.box) continue;
    const growth = (core.width * core.height * thresholds.growth) / (2 * (core.width + core.height));
    const whole = expand(core, growth);
    if (Math.min(whole.width, whole.height) < leastAfter) continue;
    const [a, b, c, d] = cornersOf(whole);
    const inPicture = ({ x, y }: Point): Point => ({
      x: (x * size.width) / map.width,
      y: (y * size.height) / map.height,
    });
    boxes.push({ quad: asLine([inPicture(a), inPicture(b), inPicture(c), inPicture(d)]), score });
  }
  return boxes;
}
