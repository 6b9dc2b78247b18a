import { TensorProto_DataType } from 'onnx-buf';
import * as ort from 'onnxruntime-web';
import { type ModelValue, oneNodeModel } from './onnxModel.ts';

const { FLOAT, INT8, UINT8, INT16, UINT16, INT32 } = TensorProto_DataType;
const tensorTypes = new Map<TensorProto_DataType, 'float32' | 'int8' | 'uint8' | 'int16' | 'uint16' | 'int32'>([
  [FLOAT, 'float32'],
  [INT8, 'int8'],
  [UINT8, 'uint8'],
  [INT16, 'int16'],
  [UINT16, 'uint16'],
  [INT32, 'int32'],
]);
const arrayTypes = {
  float32: Float32Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
};

/** An input of an operator. */
export interface Operand {
  readonly type: TensorProto_DataType;
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

/** Runs one operator in ONNX Runtime (WebAssembly, no graph optimisation); the outputs in order. */
export async function runOperator(
  operator: string,
  operands: readonly Operand[],
  outputTypes: readonly TensorProto_DataType[],
  attributes: Readonly<Record<string, number>> = {},
): Promise<number[][]> {
  const inputs: ModelValue[] = operands.map(({ type, shape }, index) => ({ name: `input${index}`, type, shape }));
  const outputs: ModelValue[] = outputTypes.map((type, index) => ({ name: `output${index}`, type }));
  const session = await ort.InferenceSession.create(oneNodeModel(operator, inputs, outputs, attributes), {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'disabled',
  });
  const feeds = Object.fromEntries(
    operands.map(({ type, data, shape }, index) => {
      const name = tensorTypes.get(type) ?? 'float32';
      const array = name === 'int32' ? Int32Array.from(data) : arrayTypes[name].from(data);
      return [`input${index}`, new ort.Tensor(name, array, shape)];
    }),
  );
  const results = await session.run(feeds);
  await session.release();
  return outputs.map(({ name }) => Array.from(results[name]?.data as ArrayLike<number>));
}
