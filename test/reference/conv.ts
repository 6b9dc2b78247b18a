import type { Window } from '../../src/conv/geometry.ts';

/** A dense tensor on the CPU. */
export interface Dense {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** Every combination of coordinates of a shape, in row-major order. */
function* coordinatesOf(shape: readonly number[]): Generator<number[]> {
  const total = shape.reduce((product, length) => product * length, 1);
  for (let index = 0; index < total; index++) {
    let rest = index;
    const coordinates = shape.map(() => 0);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const length = shape[axis] ?? 1;
      coordinates[axis] = rest % length;
      rest = Math.floor(rest / length);
    }
    yield coordinates;
  }
}

function positionIn(shape: readonly number[], coordinates: readonly number[]): number {
  return shape.reduce((position, length, axis) => position * length + (coordinates[axis] ?? 0), 0);
}

/**
 * A convolution as its definition says, coordinate by coordinate, and the sums of magnitudes that bound its rounding.
 * Spatial coordinates of x (of the result where `transposed`) are stride · coordinate + dilation · tap − padding.
 */
export function convolution(
  x: Dense,
  weights: Dense,
  options: {
    readonly window: Window;
    readonly groups: number;
    readonly transposed: boolean;
    readonly outputLengths: readonly number[];
  },
): { readonly sums: Float64Array; readonly magnitudes: Float64Array } {
  const { window, groups, transposed, outputLengths } = options;
  const [batchCount = 0, channels = 0, ...input] = x.shape;
  const [first = 0, second = 0] = weights.shape;
  const outputChannels = transposed ? second * groups : first;
  const shape = [batchCount, outputChannels, ...outputLengths];
  const size = shape.reduce((product, length) => product * length, 1);
  const [sums, magnitudes] = [new Float64Array(size), new Float64Array(size)];
  const near = transposed ? input : outputLengths;
  const far = transposed ? outputLengths : input;
  for (const [n = 0, c = 0, o = 0, ...place] of coordinatesOf([batchCount, channels, outputChannels, ...near])) {
    const [inGroup, outGroup] = [channels / groups, outputChannels / groups];
    if (Math.floor(c / inGroup) !== Math.floor(o / outGroup)) continue;
    for (const tap of coordinatesOf(window.kernel)) {
      const beyond = place.map(
        (at, axis) =>
          at * (window.strides[axis] ?? 1) +
          (tap[axis] ?? 0) * (window.dilations[axis] ?? 1) -
          (window.padsBefore[axis] ?? 0),
      );
      if (beyond.some((at, axis) => at < 0 || at >= (far[axis] ?? 0))) continue;
      const [from, to] = transposed ? [place, beyond] : [beyond, place];
      const filter = transposed ? [c, o % outGroup, ...tap] : [o, c % inGroup, ...tap];
      const product =
        (x.data[positionIn(x.shape, [n, c, ...from])] ?? 0) * (weights.data[positionIn(weights.shape, filter)] ?? 0);
      const goal = positionIn(shape, [n, o, ...to]);
      sums[goal] = (sums[goal] ?? 0) + product;
      magnitudes[goal] = (magnitudes[goal] ?? 0) + Math.abs(product);
    }
  }
  return { sums, magnitudes };
}

/** Codes of a quantized tensor, and their zero point (one a channel of the first axis where there are several). */
export interface DenseCodes extends Dense {
  readonly zeroPoints: readonly number[];
}

function differences({ shape, data, zeroPoints }: DenseCodes): Dense {
  const each = data.length / Math.max(1, shape[0] ?? 1);
  const zeroPoint = (index: number): number =>
    zeroPoints.length === 1 ? (zeroPoints[0] ?? 0) : (zeroPoints[Math.floor(index / each)] ?? 0);
  return { shape, data: Float64Array.from(data, (code, index) => code - zeroPoint(index)) };
}

/** Σ (x − zero point)(w − zero point), exactly; what lies beyond x adds nothing. */
export function integerConvolution(
  x: DenseCodes,
  weights: DenseCodes,
  options: Omit<Parameters<typeof convolution>[2], 'transposed'>,
): Float64Array {
  return convolution(differences(x), differences(weights), { ...options, transposed: false }).sums;
}
