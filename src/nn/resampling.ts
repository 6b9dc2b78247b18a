/** Where an element of a longer or shorter axis comes from on the source's axis: ONNX's names. */
export type CoordinateMode =
  | 'half_pixel'
  | 'half_pixel_symmetric'
  | 'pytorch_half_pixel'
  | 'tf_half_pixel_for_nn'
  | 'align_corners'
  | 'asymmetric'
  | 'tf_crop_and_resize';

/** How the nearest element is chosen; `truncate` is that of the first operator sets: up where an axis gets shorter. */
export type NearestRounding = 'round_prefer_floor' | 'round_prefer_ceil' | 'floor' | 'ceil' | 'truncate';

/** How an axis is resampled. */
export interface ResamplingOptions {
  readonly mode: 'nearest' | 'linear' | 'cubic';
  readonly coordinates: CoordinateMode;
  readonly rounding: NearestRounding;
  /** Keys's coefficient of cubic convolution. */
  readonly cubicCoefficient: number;
  /** Whether neighbours beyond the ends have no weight, instead of repeating the last element. */
  readonly excludeOutside: boolean;
  /** Whether the filter is widened where an axis gets shorter. */
  readonly antialias: boolean;
}

/** Lengths of an axis before and after, and how they are related. */
export interface ResampledAxis {
  readonly inputLength: number;
  readonly outputLength: number;
  /** The length after, before it was cut to a whole number. */
  readonly scaledLength: number;
  readonly scale: number;
  /** The part of the source that `tf_crop_and_resize` shows, from 0 to 1. */
  readonly start: number;
  readonly end: number;
}

/** Each element of the result as a weighted sum of `count` elements of the source. */
export interface AxisTaps {
  readonly count: number;
  /** Coordinates in the source, `count` for each element; the first is −1 where it lies outside of the source. */
  readonly indices: Int32Array<ArrayBuffer>;
  readonly weights: Float32Array<ArrayBuffer>;
}

const f = Math.fround;

/** The coordinate in the source, in float32 as ONNX Runtime computes it: ties of the nearest element depend on it. */
function sourceCoordinate(mode: CoordinateMode, place: number, axis: ResampledAxis): number {
  const { inputLength, outputLength, scaledLength, start, end } = axis;
  const scale = f(axis.scale);
  // As in ONNX Runtime, an axis that is not scaled stays as it is: not every formula would leave it so.
  if (scale === 1 && mode !== 'tf_crop_and_resize') return place;
  const center = f(f(place + 0.5) / scale);
  switch (mode) {
    case 'asymmetric':
      return f(place / scale);
    case 'pytorch_half_pixel':
      return outputLength > 1 ? f(center - 0.5) : 0;
    case 'tf_half_pixel_for_nn':
      return center;
    case 'align_corners':
      // ONNX's tests take the scaled length here, where ONNX Runtime takes the whole one.
      return outputLength === 1 ? 0 : f(f(place * (inputLength - 1)) / f(scaledLength - 1));
    case 'tf_crop_and_resize': {
      const last = inputLength - 1;
      if (outputLength === 1) return f(0.5 * f(f(start) + f(end)) * last);
      const span = f(f(place * f(f(end) - f(start))) * last);
      return f(f(f(start) * last) + f(span / (outputLength - 1)));
    }
    case 'half_pixel_symmetric': {
      const adjustment = f(outputLength / f(scale * inputLength));
      return f(f((inputLength / 2) * f(1 - adjustment)) + (place + 0.5) / scale - 0.5);
    }
    case 'half_pixel':
      return f(center - 0.5);
  }
}

function nearest(rounding: NearestRounding, coordinate: number, shortened: boolean): number {
  switch (rounding) {
    case 'round_prefer_floor':
      return Math.ceil(coordinate - 0.5);
    case 'round_prefer_ceil':
      return Math.floor(coordinate + 0.5);
    case 'floor':
      return Math.floor(coordinate);
    case 'ceil':
      return Math.ceil(coordinate);
    case 'truncate':
      return shortened ? Math.ceil(coordinate) : Math.trunc(coordinate);
  }
}

/** Weight of an element at a distance, by linear or cubic interpolation. */
function kernelWeight({ mode, cubicCoefficient: a }: ResamplingOptions, distance: number): number {
  const x = Math.abs(distance);
  if (mode === 'linear') return Math.max(1 - x, 0);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/** The elements with weights around a coordinate, before those beyond the ends are dealt with. */
function neighbours(options: ResamplingOptions, coordinate: number, scale: number): [index: number, weight: number][] {
  // Cubic interpolation reaches over two elements on both sides, linear over one.
  const reach = options.mode === 'cubic' ? 2 : 1;
  if (!options.antialias) {
    const first = Math.floor(coordinate) - reach + 1;
    return Array.from({ length: 2 * reach }, (_, n) => [first + n, kernelWeight(options, coordinate - first - n)]);
  }
  const stretch = Math.max(1 / f(scale), 1);
  const first = Math.floor(coordinate + 1 - reach * stretch);
  const length = Math.floor(coordinate + 1 + reach * stretch) - first;
  return Array.from({ length }, (_, n) => [first + n, kernelWeight(options, (coordinate - first - n) / stretch)]);
}

/** The weighted sums of a resampled axis. Both lengths are at least 1. */
export function axisTaps(options: ResamplingOptions, axis: ResampledAxis): AxisTaps {
  const { inputLength, outputLength, scale } = axis;
  const last = inputLength - 1;
  const clamp = (index: number): number => Math.max(0, Math.min(index, last));
  const rows = Array.from({ length: outputLength }, (_, place): Map<number, number> => {
    const coordinate = sourceCoordinate(options.coordinates, place, axis);
    const isOutside = coordinate < 0 || coordinate > last;
    if (isOutside && options.coordinates === 'tf_crop_and_resize') return new Map([[-1, 1]]);
    if (options.mode === 'nearest') return new Map([[clamp(nearest(options.rounding, coordinate, scale < 1)), 1]]);
    const weights = new Map<number, number>();
    for (const [index, weight] of neighbours(options, coordinate, scale)) {
      if (options.excludeOutside && clamp(index) !== index) continue;
      weights.set(clamp(index), (weights.get(clamp(index)) ?? 0) + weight);
    }
    return weights;
  });
  const count = rows.reduce((most, weights) => Math.max(most, weights.size), 1);
  const taps = {
    count,
    indices: new Int32Array(outputLength * count),
    weights: new Float32Array(outputLength * count),
  };
  rows.forEach((weights, place) => {
    const sum = [...weights.values()].reduce((total, weight) => total + weight, 0);
    // What is left of a row has no weight, and must not read an element that is infinite.
    taps.indices.fill([...weights.keys()][0] ?? 0, place * count, (place + 1) * count);
    [...weights].forEach(([index, weight], n) => {
      taps.indices[place * count + n] = index;
      taps.weights[place * count + n] = sum === 0 ? weight : weight / sum;
    });
  });
  return taps;
}

/** Whether the result is the source. */
export function keepsAxis({ count, indices }: AxisTaps, inputLength: number): boolean {
  return count === 1 && indices.length === inputLength && indices.every((index, place) => index === place);
}
