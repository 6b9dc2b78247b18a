import { create, toBinary } from '@bufbuild/protobuf';
import { AttributeProto_AttributeType, ModelProtoSchema, type TensorProto_DataType } from 'onnx-buf';

/** An input or output of a model: its ONNX element type and shape (none for an output: it is inferred). */
export interface ModelValue {
  readonly name: string;
  readonly type: TensorProto_DataType;
  readonly shape?: readonly number[];
}

/**
 * Builds an ONNX model of one node whose operands are all inputs of the model, and serializes it.
 * @param attributes the node's attributes, which are all whole numbers.
 */
export function oneNodeModel(
  operator: string,
  inputs: readonly ModelValue[],
  outputs: readonly ModelValue[],
  attributes: Readonly<Record<string, number>> = {},
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
    opsetImport: [{ domain: '', version: 21n }],
    graph: {
      name: operator,
      node: [
        {
          opType: operator,
          name: operator,
          input: inputs.map(({ name }) => name),
          output: outputs.map(({ name }) => name),
          attribute: Object.entries(attributes).map(([name, value]) => ({
            name,
            type: AttributeProto_AttributeType.INT,
            i: BigInt(value),
          })),
        },
      ],
      input: inputs.map(valueInfo),
      output: outputs.map(valueInfo),
    },
  });
  return toBinary(ModelProtoSchema, model);
}
