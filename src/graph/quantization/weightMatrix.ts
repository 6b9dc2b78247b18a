/** Weights of convolutions and matrix products as matrices: a row an output channel, a column an input. */
import { elementCount, type Shape } from '../../base/shape.ts';
import type { GraphNode } from '../graph.ts';
import type { HostTensor } from '../hostTensor.ts';

/** A weight as a matrix of output channels × inputs. */
export interface WeightMatrix {
  readonly rows: number;
  readonly columns: number;
  /** Row-major. */
  readonly values: Float64Array;
  /** Shape of the weight. */
  readonly shape: Shape;
  /** True where the weight has inputs before channels: it is the transposed matrix. */
  readonly transposed: boolean;
  /** The weight's axis of output channels; undefined where none is one, and the matrix is a single row. */
  readonly channelAxis: number | undefined;
}

/**
 * The weight of a Conv, a MatMul or a Gemm as a matrix. Matrices of a batch have one scale, as ONNX Runtime takes them, and
 * so has a vector: they are one row.
 */
export function weightMatrix({ operator, attributes }: GraphNode, weights: HostTensor): WeightMatrix {
  const { shape, data } = weights;
  if (operator === 'Conv') return matrixOf(data, shape, 0);
  if (operator === 'Gemm') return matrixOf(data, shape, attributes.get('transB') === 1 ? 0 : 1);
  return matrixOf(data, shape, shape.length === 2 ? 1 : undefined);
}

function matrixOf(data: HostTensor['data'], shape: Shape, channelAxis: number | undefined): WeightMatrix {
  const rows = channelAxis === undefined ? 1 : (shape[channelAxis] ?? 1);
  const columns = data.length / Math.max(rows, 1);
  const transposed = channelAxis === 1;
  const values = transposed ? transpose(Float64Array.from(data), columns, rows) : Float64Array.from(data);
  return { rows, columns, values, shape, transposed, channelAxis };
}

/** A row-major matrix [rows, columns] with its axes exchanged. */
export function transpose<Values extends Float64Array | Float32Array | Int8Array | Uint8Array>(
  values: Values,
  rows: number,
  columns: number,
): Values {
  const goal = values.slice() as Values;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) goal[column * rows + row] = values[row * columns + column] ?? 0;
  }
  return goal;
}

/** True where every channel has its weights next to each other and the weight is a matrix of any number of axes. */
export const isFlattened = ({ shape, channelAxis }: WeightMatrix): boolean =>
  channelAxis === 0 && shape.length > 2 && elementCount(shape.slice(2)) > 1;
