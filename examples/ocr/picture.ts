/** Pictures in memory, without the DOM: an `ImageData` is one. */
import { heightOf, lengthOf, type Quad } from './geometry.ts';

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue, alpha, row by row; 0 … 255. */
  readonly data: Uint8ClampedArray | Uint8Array;
}

/** The corners of the whole picture. */
export function wholeOf({ width, height }: Picture): Quad {
  return [
    { x: 0, y: 0 },
    { x: width, y: 0 },
    { x: width, y: height },
    { x: 0, y: height },
  ];
}

/** Half as wide and high, each pixel the mean of four; of an odd last row or column, nothing is lost but its weight. */
function halved({ width, height, data }: Picture): Picture {
  const [halfWidth, halfHeight] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const half = new Uint8ClampedArray(4 * halfWidth * halfHeight);
  for (let y = 0; y < halfHeight; y++) {
    const upper = 2 * y * width;
    const lower = Math.min(2 * y + 1, height - 1) * width;
    for (let x = 0; x < halfWidth; x++) {
      const left = 2 * x;
      const right = Math.min(left + 1, width - 1);
      for (let channel = 0; channel < 4; channel++) {
        half[4 * (y * halfWidth + x) + channel] =
          ((data[4 * (upper + left) + channel] ?? 0) +
            (data[4 * (upper + right) + channel] ?? 0) +
            (data[4 * (lower + left) + channel] ?? 0) +
            (data[4 * (lower + right) + channel] ?? 0)) /
          4;
      }
    }
  }
  return { width: halfWidth, height: halfHeight, data: half };
}

/** A picture from which parts are cut at any size: it is halved as often as that takes, so that fine strokes do not break. */
export class Source {
  readonly picture: Picture;
  readonly #levels: Picture[];

  constructor(picture: Picture) {
    this.picture = picture;
    this.#levels = [picture];
  }

  /**
   * Cuts the parallelogram out and stretches it to a rectangle, by bilinear interpolation. Outside of the picture, the
   * pixels of its edge go on.
   */
  cut(quad: Quad, width: number, height: number): Picture {
    const shrink = Math.min(lengthOf(quad) / width, heightOf(quad) / height);
    const exponent = Math.max(Math.floor(Math.log2(shrink)), 0);
    const level = this.#level(exponent);
    const scale = 2 ** -exponent;
    const [start, end, , below] = quad;
    const data = new Uint8ClampedArray(4 * width * height);
    for (let y = 0; y < height; y++) {
      const v = (y + 0.5) / height;
      for (let x = 0; x < width; x++) {
        const u = (x + 0.5) / width;
        sample(
          level,
          scale * (start.x + u * (end.x - start.x) + v * (below.x - start.x)) - 0.5,
          scale * (start.y + u * (end.y - start.y) + v * (below.y - start.y)) - 0.5,
          data,
          4 * (y * width + x),
        );
      }
    }
    return { width, height, data };
  }

  #level(exponent: number): Picture {
    for (let next = this.#levels.length; next <= exponent; next++) {
      this.#levels.push(halved(this.#levels[next - 1] ?? this.picture));
    }
    return this.#levels[exponent] ?? this.picture;
  }
}

/** Writes the colour between four pixels; x and y are measured between the middles of pixels. */
function sample({ width, height, data }: Picture, x: number, y: number, into: Uint8ClampedArray, at: number): void {
  const insideX = Math.min(Math.max(x, 0), width - 1);
  const insideY = Math.min(Math.max(y, 0), height - 1);
  const [left, top] = [Math.floor(insideX), Math.floor(insideY)];
  const [right, bottom] = [Math.min(left + 1, width - 1), Math.min(top + 1, height - 1)];
  const [u, v] = [insideX - left, insideY - top];
  for (let channel = 0; channel < 4; channel++) {
    const upper =
      (1 - u) * (data[4 * (top * width + left) + channel] ?? 0) + u * (data[4 * (top * width + right) + channel] ?? 0);
    const lower =
      (1 - u) * (data[4 * (bottom * width + left) + channel] ?? 0) +
      u * (data[4 * (bottom * width + right) + channel] ?? 0);
    into[at + channel] = (1 - v) * upper + v * lower;
  }
}

/** How a model wants its colours: (value / 255 − mean) / deviation, for blue, green and red in this order. */
export interface Normalization {
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
}

/**
 * Writes a picture as the planes blue, green, red of [3, height, rowLength]; what is right of the picture keeps its value.
 *
 * @param into where the first plane begins at `offset`
 */
export function writePlanes(
  { width, height, data }: Picture,
  { mean, deviation }: Normalization,
  into: Float32Array,
  { offset = 0, rowLength = width }: { readonly offset?: number; readonly rowLength?: number } = {},
): void {
  for (let plane = 0; plane < 3; plane++) {
    const factor = 1 / (255 * (deviation[plane] ?? 1));
    const shift = (mean[plane] ?? 0) / (deviation[plane] ?? 1);
    for (let y = 0; y < height; y++) {
      const row = offset + (plane * height + y) * rowLength;
      for (let x = 0; x < width; x++) {
        into[row + x] = (data[4 * (y * width + x) + 2 - plane] ?? 0) * factor - shift;
      }
    }
  }
}
