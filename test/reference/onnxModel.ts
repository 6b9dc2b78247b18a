import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, type TensorProto_DataType } from 'onnx-buf';

/** An input or output of a model: its ONNX element type and shape (none for an output: it is inferred). */
export interface ModelValue {
  readonly name: string;
  readonly type: TensorProto_DataType;
  readonly shape?: readonly number[];
}

/** Builds an ONNX model of one node whose operands are all inputs of the model, and serializes it. */
export function oneNodeModel(
  operator: string,
  inputs: readonly ModelValue[],
  outputs: readonly ModelValue[],
  opset = 21,
): Uint8Array {
  const valueInfo = (value: ModelValue) => ({
    name: value.name,
    type: {
      value: {
        case: 'tensorType' as const,
        value: {
          elemType: value.type,
          ...(value.shape && {
            shape: {
              dim: value.shape.map((extent) => ({ value: { case: 'dimValue' as const, value: BigInt(extent) } })),
            },
          }),
        },
      },
    },
  });
  const model = create(ModelProtoSchema, {
    irVersion: 10n,
    opsetImport: [{ domain: '', version: BigInt(opset) }],
    graph: {
      name: operator,
      node: [
        {
          opType: operator,
          name: operator,
          input: inputs.map(({ name }) => name),
          output: outputs.map(({ name }) => name),
        },
      ],
      input: inputs.map(valueInfo),
      output: outputs.map(valueInfo),
    },
  });
  return toBinary(ModelProtoSchema, model);
}
