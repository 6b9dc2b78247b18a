/** Graphs as ONNX files. */
import { create, type MessageInitShape, type MessageShape, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type GraphProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  type ValueInfoProtoSchema,
} from 'onnx-buf';
import { UnsupportedOperator } from '../base/errors.ts';
import { type Attribute, type Graph, type GraphNode, type GraphValue, subgraphsOf } from '../graph/graph.ts';
import type { HostTensor } from '../graph/hostTensor.ts';
import type { AttributeProto } from './attributes.ts';
import { exportTensor } from './exportTensor.ts';
import { NameTable, namesOf } from './names.ts';
import { dataTypeOf } from './tensor.ts';

type GraphInit = MessageInitShape<typeof GraphProtoSchema>;
type NodeInit = MessageInitShape<typeof NodeProtoSchema>;
type ValueInfoInit = MessageInitShape<typeof ValueInfoProtoSchema>;

/** Attributes of ONNX and com.microsoft that hold floats, whatever operator they belong to; all other numbers are integers. */
const floatAttributes = new Set([
  ...['activation_alpha', 'activation_beta', 'alpha', 'beta', 'bias', 'clip', 'cubic_coeff_a', 'epsilon'],
  ...['extrapolation_value', 'gamma', 'high', 'lambd', 'low', 'mask_filter_value', 'max', 'mean', 'min', 'momentum'],
  ...['norm_coefficient', 'norm_coefficient_post', 'ratio', 'sample_rate', 'scale', 'scales', 'seed', 'softcap'],
  ...['spatial_scale', 'value', 'value_float', 'value_floats'],
]);
/** Attributes that hold lists of texts, which an empty list does not tell. */
const textAttributes = new Set(['activations', 'keys_strings', 'value_strings']);

/**
 * Writes a graph as an ONNX model that ONNX Runtime loads: constants become initializers with raw data, in their element
 * types (2- and 4-bit integers packed); lengths of axes keep their names. Reading it again gives an equal graph.
 *
 * What was read as bfloat16 goes out as float32, in which Cuanta holds it.
 *
 * @throws UnsupportedOperator for operators of Cuanta's own, which only its optimized graphs have: export before that
 */
export function toOnnx(graph: Graph): Uint8Array<ArrayBuffer> {
  const used = new Set(domainsOf(graph));
  const opsets = [...graph.opsets].filter(([domain]) => domain === '' || used.has(domain));
  const model = create(ModelProtoSchema, {
    irVersion: BigInt(irVersion(graph.opsets.get('') ?? 0)),
    producerName: 'cuanta',
    opsetImport: opsets.map(([domain, version]) => ({ domain, version: BigInt(version) })),
    graph: new Exporter(graph).graph(graph, new Map()),
  });
  return new Uint8Array(toBinary(ModelProtoSchema, model));
}

/** The oldest version of the file format that has this operator set, and initializers apart from inputs. */
function irVersion(opset: number): number {
  if (opset <= 18) return 8;
  if (opset <= 20) return 9;
  return opset <= 22 ? 10 : opset - 12;
}

class Exporter {
  readonly #names = new NameTable();

  constructor(graph: Graph) {
    for (const name of namesOf(graph)) this.#names.unique(name);
  }

  /** @param renamed the names in the file of values around this graph, where they differ */
  graph(graph: Graph, renamed: ReadonlyMap<string, string>): GraphInit {
    const named = (name: string): string => renamed.get(name) ?? name;
    return {
      name: graph.name || 'graph',
      input: graph.inputs.map((value) => valueInfo(value, named(value.name))),
      output: graph.outputs.map((value) => valueInfo(value, named(value.name))),
      initializer: [...graph.initializers].map(([name, tensor]) => exportTensor(tensor, named(name))),
      node: graph.nodes.map((node) => this.#node(node, renamed)),
    };
  }

  #node(node: GraphNode, renamed: ReadonlyMap<string, string>): NodeInit {
    const named = (name: string): string => renamed.get(name) ?? name;
    return {
      name: node.name,
      domain: node.domain,
      opType: node.operator,
      input: node.inputs.map(named),
      output: node.outputs.map(named),
      attribute: [...node.attributes].map(([name, attribute]) => this.#attribute(name, attribute, node, renamed)),
    };
  }

  #attribute(name: string, value: Attribute, node: GraphNode, renamed: ReadonlyMap<string, string>): AttributeProto {
    const inner = (graph: Graph): GraphInit => this.graph(graph, this.#innerNames(graph, node, renamed));
    return create(AttributeProtoSchema, { name, ...contentOf(name, value, inner) });
  }

  /** Branches make the outputs of their node under its names; in a file no two values have the same name. */
  #innerNames(graph: Graph, node: GraphNode, renamed: ReadonlyMap<string, string>): Map<string, string> {
    const names = new Map(renamed);
    for (const name of graph.nodes.flatMap(({ outputs }) => outputs)) {
      if (name !== '' && node.outputs.includes(name)) names.set(name, this.#names.unique(name));
    }
    return names;
  }
}

type AttributeContent = Exclude<
  MessageInitShape<typeof AttributeProtoSchema>,
  MessageShape<typeof AttributeProtoSchema>
>;

function contentOf(name: string, value: Attribute, inner: (graph: Graph) => GraphInit): AttributeContent {
  if (typeof value === 'number') {
    const isFloat = floatAttributes.has(name) || !Number.isInteger(value);
    return isFloat ? { type: AttributeType.FLOAT, f: value } : { type: AttributeType.INT, i: BigInt(value) };
  }
  if (typeof value === 'string') return { type: AttributeType.STRING, s: encoder.encode(value) };
  if (isTensor(value)) return { type: AttributeType.TENSOR, t: exportTensor(value, '') };
  if ('nodes' in value) return { type: AttributeType.GRAPH, g: inner(value) };
  const numbers = value.filter((item) => typeof item === 'number');
  if (textAttributes.has(name) || numbers.length < value.length) {
    return { type: AttributeType.STRINGS, strings: value.map((text) => encoder.encode(String(text))) };
  }
  const isFloat = floatAttributes.has(name) || numbers.some((item) => !Number.isInteger(item));
  return isFloat
    ? { type: AttributeType.FLOATS, floats: numbers }
    : { type: AttributeType.INTS, ints: numbers.map(BigInt) };
}

const encoder = new TextEncoder();
const isTensor = (value: object): value is HostTensor => 'elementType' in value;

function valueInfo({ elementType, dimensions }: GraphValue, name: string): ValueInfoInit {
  if (!elementType) return { name };
  const dim = dimensions?.map((dimension) => {
    if (dimension === undefined) return {};
    return typeof dimension === 'string'
      ? { value: { case: 'dimParam' as const, value: dimension } }
      : { value: { case: 'dimValue' as const, value: BigInt(dimension) } };
  });
  const tensorType = { elemType: dataTypeOf(elementType), ...(dim && { shape: { dim } }) };
  return { name, type: { value: { case: 'tensorType', value: tensorType } } };
}

/** The domains of all nodes. @throws UnsupportedOperator for one of Cuanta's own */
function* domainsOf(graph: Graph): Generator<string> {
  for (const node of graph.nodes) {
    const { name, operator, domain } = node;
    if (domain === 'cuanta') {
      throw new UnsupportedOperator(
        `The node "${name}" is Cuanta's own operator ${operator}, which ONNX does not have; export the graph as it was before it was optimized (loadOnnx with optimize: false).`,
      );
    }
    yield domain;
    for (const inner of subgraphsOf(node)) yield* domainsOf(inner);
  }
}
