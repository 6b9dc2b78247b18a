import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type GraphProtoSchema,
  ModelProtoSchema,
  type ValueInfoProtoSchema,
} from 'onnx-buf';

export type GraphInit = Exclude<MessageInitShape<typeof GraphProtoSchema>, { $typeName: string }>;
export type AttributeInit = MessageInitShape<typeof AttributeProtoSchema>;
export type NodeInit = NonNullable<GraphInit['node']>[number];

/** The bytes of a model of operator set 17 around a graph. */
export function modelBytes(
  graph: GraphInit,
  more: Exclude<MessageInitShape<typeof ModelProtoSchema>, { $typeName: string }> = {},
): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 17n }],
    graph: { name: 'test', ...graph },
    ...more,
  });
  return toBinary(ModelProtoSchema, model);
}

/** An input or output; lengths by name or number, −1 for one that is not known. */
export function value(
  name: string,
  lengths: readonly (number | string)[] = [2],
  elemType: DataType = DataType.FLOAT,
): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = lengths.map((length) =>
    typeof length === 'string'
      ? { value: { case: 'dimParam' as const, value: length } }
      : { value: { case: 'dimValue' as const, value: BigInt(length) } },
  );
  return { name, type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } } };
}

/** A node without attributes unless given. */
export function node(opType: string, input: string[], output: string[], attribute: AttributeInit[] = []): NodeInit {
  return { opType, input, output, attribute, name: `${opType}-${output[0]}` };
}

/** An attribute that holds a graph. */
export function graphAttribute(name: string, g: GraphInit): AttributeInit {
  return { name, type: AttributeType.GRAPH, g };
}
