/** Attributes of nodes as ONNX files store them. */
import { isFieldSet, type MessageShape } from '@bufbuild/protobuf';
import { AttributeProtoSchema, AttributeProto_AttributeType as AttributeType, type GraphProtoSchema } from 'onnx-buf';
import { MalformedModel, UnsupportedOperator } from '../base/errors.ts';
import type { Attribute, Graph } from '../graph/graph.ts';
import { type ExternalData, importTensor, safeInteger } from './tensor.ts';

export type AttributeProto = MessageShape<typeof AttributeProtoSchema>;
type GraphProto = MessageShape<typeof GraphProtoSchema>;

const { field } = AttributeProtoSchema;

/** The field that holds each type of attribute. */
const fields = new Map<AttributeType, (typeof AttributeProtoSchema.fields)[number]>([
  [AttributeType.FLOAT, field.f],
  [AttributeType.INT, field.i],
  [AttributeType.STRING, field.s],
  [AttributeType.TENSOR, field.t],
  [AttributeType.GRAPH, field.g],
  [AttributeType.FLOATS, field.floats],
  [AttributeType.INTS, field.ints],
  [AttributeType.STRINGS, field.strings],
]);

const decoder = new TextDecoder();

/**
 * The value of an attribute.
 *
 * @param what names it in errors
 * @param importGraph makes a graph of one that is stored in an attribute
 * @throws MalformedModel where type and content differ, UnsupportedOperator for types of no operator that Cuanta has
 */
export function importAttribute(
  proto: AttributeProto,
  what: string,
  externalData: ExternalData,
  importGraph: (graph: GraphProto) => Graph,
): Attribute {
  const type = typeOf(proto, what);
  switch (type) {
    case AttributeType.FLOAT:
      return proto.f;
    case AttributeType.INT:
      return safeInteger(proto.i, what);
    case AttributeType.STRING:
      return decoder.decode(proto.s);
    case AttributeType.FLOATS:
      return proto.floats;
    case AttributeType.INTS:
      return proto.ints.map((value) => safeInteger(value, what));
    case AttributeType.STRINGS:
      return proto.strings.map((bytes) => decoder.decode(bytes));
    case AttributeType.TENSOR:
      if (proto.t) return importTensor(proto.t, what, externalData);
      break;
    case AttributeType.GRAPH:
      if (proto.g) return importGraph(proto.g);
      break;
  }
  throw new UnsupportedOperator(
    `${what} is of type ${AttributeType[type]}, which no operator of Cuanta takes; export the model without it.`,
  );
}

/** The declared type, which the content must have; files of before 2018 declare none. */
function typeOf(proto: AttributeProto, what: string): AttributeType {
  if (proto.refAttrName !== '') {
    throw new MalformedModel(`${what} refers to an attribute of a function, but lies outside of one; save it again.`);
  }
  const filled = [...fields].filter(([, descriptor]) => isFieldSet(proto, descriptor)).map(([type]) => type);
  const [first = AttributeType.UNDEFINED, second] = filled;
  const declared = isFieldSet(proto, field.type) ? proto.type : AttributeType.UNDEFINED;
  if (declared === AttributeType.UNDEFINED) {
    if (first === AttributeType.UNDEFINED || second !== undefined) {
      throw new MalformedModel(`${what} has no type; save the model again.`);
    }
    return first;
  }
  // Nothing at all is an empty list, or a zero that was left out.
  const wrong = filled.find((type) => type !== declared);
  if (wrong !== undefined) {
    throw new MalformedModel(
      `${what} says that it is of type ${AttributeType[declared]}, but holds ${AttributeType[wrong]}; save the model again.`,
    );
  }
  return declared;
}
