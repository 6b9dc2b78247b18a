import { elementCount, type Shape } from '../../base/shape.ts';
import { type Axes, axesOf, type Window } from '../../conv/geometry.ts';

/** A convolution to compute on the CPU. */
export interface HostConvolution {
  /** [batch, input channels, …spatial]. */
  readonly x: ArrayLike<number>;
  readonly xShape: Shape;
  /** As `convolve` takes them. */
  readonly weights: ArrayLike<number>;
  readonly weightShape: Shape;
  /** [output channels]. */
  readonly bias?: ArrayLike<number> | undefined;
  readonly window: Window;
  readonly groups: number;
  readonly transposed: boolean;
  readonly outputLengths: Shape;
}

/** Coordinates [begin, end) whose partners `coordinate * stride + offset` lie in [0, length). */
interface Range {
  readonly begin: number;
  readonly end: number;
  readonly stride: number;
  readonly offset: number;
}

function rangeOf(count: number, stride: number, offset: number, length: number): Range {
  const begin = Math.max(0, Math.ceil(-offset / stride));
  const end = Math.min(count, Math.floor((length - 1 - offset) / stride) + 1);
  return { begin, end, stride, offset };
}

const planeOf = ({ depth, height, width }: Axes): number => depth * height * width;

/** The convolution in float64, which is exact for integers below 2⁵³ in all: [batch, output channels, …outputLengths]. */
export function convolveOnHost(convolution: HostConvolution): Float64Array {
  const { x, xShape, weights, weightShape, bias, window, groups, transposed, outputLengths } = convolution;
  const [batchCount = 0, channels = 0] = xShape;
  const [first = 0, second = 0] = weightShape;
  const inputChannels = channels / groups;
  const outputChannels = transposed ? second : first / groups;
  const input = axesOf(xShape.slice(2), 1);
  const output = axesOf(outputLengths, 1);
  const [inputPlane, outputPlane] = [planeOf(input), planeOf(output)];
  const taps = elementCount(window.kernel);
  const y = new Float64Array(batchCount * groups * outputChannels * outputPlane);
  for (let image = 0; image < batchCount * groups; image++) {
    const group = image % groups;
    for (let o = 0; o < outputChannels; o++) {
      const goal = (image * outputChannels + o) * outputPlane;
      if (bias) y.fill(bias[group * outputChannels + o] ?? 0, goal, goal + outputPlane);
      for (let c = 0; c < inputChannels; c++) {
        const source = (image * inputChannels + c) * inputPlane;
        const filter = transposed
          ? (group * inputChannels + c) * outputChannels + o
          : (group * outputChannels + o) * inputChannels + c;
        for (let tap = 0; tap < taps; tap++) {
          const weight = weights[filter * taps + tap] ?? 0;
          addTap(convolution, { weight, tap, x, source, input, y, goal, output });
        }
      }
    }
  }
  return y;
}

interface TapOfPlane {
  readonly weight: number;
  readonly tap: number;
  readonly x: ArrayLike<number>;
  readonly source: number;
  readonly input: Axes;
  readonly y: Float64Array;
  readonly goal: number;
  readonly output: Axes;
}

/** Adds what one tap contributes to one plane of the result. */
function addTap({ window, transposed }: HostConvolution, plane: TapOfPlane): void {
  const { weight, tap, x, source, input, y, goal, output } = plane;
  const kernel = axesOf(window.kernel, 1);
  const stride = axesOf(window.strides, 1);
  const dilation = axesOf(window.dilations, 1);
  const pad = axesOf(window.padsBefore, 0);
  // A convolution steps through its result and looks into the input; a transposed one the other way round.
  const [near, far] = transposed ? [input, output] : [output, input];
  const depthTap = Math.floor(tap / (kernel.height * kernel.width));
  const heightTap = Math.floor(tap / kernel.width) % kernel.height;
  const widthTap = tap % kernel.width;
  const depths = rangeOf(near.depth, stride.depth, depthTap * dilation.depth - pad.depth, far.depth);
  const rows = rangeOf(near.height, stride.height, heightTap * dilation.height - pad.height, far.height);
  const columns = rangeOf(near.width, stride.width, widthTap * dilation.width - pad.width, far.width);
  for (let depth = depths.begin; depth < depths.end; depth++) {
    const farDepth = depth * depths.stride + depths.offset;
    for (let row = rows.begin; row < rows.end; row++) {
      const farRow = row * rows.stride + rows.offset;
      const nearLine = (depth * near.height + row) * near.width;
      const farLine = (farDepth * far.height + farRow) * far.width + columns.offset;
      for (let column = columns.begin; column < columns.end; column++) {
        const beyond = farLine + column * columns.stride;
        const [from, to] = transposed ? [nearLine + column, beyond] : [beyond, nearLine + column];
        y[goal + to] = (y[goal + to] ?? 0) + weight * (x[source + from] ?? 0);
      }
    }
  }
}
