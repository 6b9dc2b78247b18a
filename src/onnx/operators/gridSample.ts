import { elementCount, type Shape } from '../../base/shape.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import type { NodeContext, Operator } from '../../graph/operator.ts';
import { type GridSampleOptions, gridSample } from '../../nn/gridSample.ts';
import { hostInput, hostZeros } from './rearrange.ts';

/** Names of the modes, before and after operator set 20. */
const modes: Readonly<Record<string, GridSampleOptions['mode']>> = {
  nearest: 'nearest',
  bilinear: 'linear',
  linear: 'linear',
  bicubic: 'cubic',
  cubic: 'cubic',
};
const paddings = ['zeros', 'border', 'reflection'] as const;

function optionsOf(context: NodeContext): GridSampleOptions {
  const [mode, padding] = [context.text('mode', 'linear'), context.text('padding_mode', 'zeros')];
  return {
    mode: modes[mode] ?? context.fail(`there is no mode "${mode}"`),
    padding: paddings.find((name) => name === padding) ?? context.fail(`there is no padding_mode "${padding}"`),
    aligned: context.number('align_corners', 0) !== 0,
  };
}

function sampledShape(context: NodeContext): Shape {
  const [{ shape }, { shape: gridShape }] = [context.input(0), context.input(1)];
  const [batches = 0, channels = 0, height = 0, width = 0] = shape;
  const [gridBatches, rows = 0, columns = 0, two] = gridShape;
  if (shape.length !== 4 || gridShape.length !== 4 || gridBatches !== batches || two !== 2) {
    context.fail(`a grid of shape [${gridShape}] does not sample images of shape [${shape}]`);
  }
  const result = [batches, channels, rows, columns];
  if (height * width === 0 && elementCount(result) > 0) context.fail(`images of shape [${shape}] have no elements`);
  return result;
}

/** The element that stands at a whole coordinate; −1 for none. */
function placeInside(coordinate: number, length: number, { padding, aligned }: GridSampleOptions): number {
  if (coordinate >= 0 && coordinate < length) return coordinate;
  if (padding === 'zeros') return -1;
  if (padding === 'border') return coordinate < 0 ? 0 : length - 1;
  const repeats = aligned ? 0 : 1;
  const period = Math.max(2 * (length - 1 + repeats), 1);
  const folded = ((coordinate % period) + period) % period;
  return folded < length ? folded : period - repeats - folded;
}

/** Elements and their weights around a coordinate. */
function weightsAround(coordinate: number, mode: GridSampleOptions['mode']): [place: number, weight: number][] {
  const floor = Math.floor(coordinate);
  const t = coordinate - floor;
  if (mode === 'linear') {
    return [
      [floor, 1 - t],
      [floor + 1, t],
    ];
  }
  if (mode === 'nearest') return [[t === 0.5 ? 2 * Math.round(coordinate / 2) : Math.round(coordinate), 1]];
  const a = -0.75;
  const far = (x: number): number => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  const near = (x: number): number => ((a + 2) * x - (a + 3)) * x * x + 1;
  return [
    [floor - 1, far(t + 1)],
    [floor, near(t)],
    [floor + 1, near(1 - t)],
    [floor + 2, far(2 - t)],
  ];
}

/** Images sampled at the places that a grid of coordinates names. */
export const GridSample: Operator = {
  name: 'GridSample',
  domain: '',
  infer: (context) => [{ elementType: context.input(0).elementType, shape: sampledShape(context) }],
  evaluate: (context, inputs) => {
    const source = hostInput(context, inputs, 0);
    const grid = hostInput(context, inputs, 1).data;
    const options = optionsOf(context);
    const result = hostZeros(context, source.elementType, sampledShape(context));
    const [, channels = 1, height = 0, width = 0] = source.shape;
    const goalSize = elementCount(result.shape.slice(2));
    const coordinate = (place: number, length: number): number =>
      options.aligned ? ((place + 1) / 2) * (length - 1) : ((place + 1) * length - 1) / 2;
    for (let element = 0; element < result.data.length; element++) {
      const image = Math.floor(element / goalSize);
      const point = Math.floor(image / channels) * goalSize + (element % goalSize);
      const columns = weightsAround(coordinate(grid[point * 2] ?? 0, width), options.mode);
      let sum = 0;
      for (const [y, rowWeight] of weightsAround(coordinate(grid[point * 2 + 1] ?? 0, height), options.mode)) {
        const row = placeInside(y, height, options);
        for (const [x, columnWeight] of columns) {
          const column = placeInside(x, width, options);
          if (row < 0 || column < 0) continue;
          sum += rowWeight * columnWeight * (source.data[(image * height + row) * width + column] ?? 0);
        }
      }
      result.data[element] = sum;
    }
    return [result];
  },
  record: ({ engine, context, tensor }) => [
    gridSample(engine, tensor(0) as Tensor<'float32'>, tensor(1) as Tensor<'float32'>, optionsOf(context)),
  ],
  explain: (context) => `${optionsOf(context).mode} sampling`,
};
