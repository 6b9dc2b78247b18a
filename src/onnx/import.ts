/** ONNX files as graphs. */
import type { MessageShape } from '@bufbuild/protobuf';
import type { GraphProtoSchema, ModelProtoSchema, NodeProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { MalformedModel, UnsupportedOperator } from '../base/errors.ts';
import type { Attribute, Dimension, Graph, GraphNode, GraphValue } from '../graph/graph.ts';
import { chosenBranch, isChoice } from '../graph/graph.ts';
import type { HostTensor } from '../graph/hostTensor.ts';
import { type AttributeProto, importAttribute } from './attributes.ts';
import { constantValue } from './constant.ts';
import { NameScope, NameTable, quoted } from './names.ts';
import { decodeModel } from './protobuf.ts';
import { sortNodes } from './sort.ts';
import { type ExternalData, elementTypeOf, importTensor } from './tensor.ts';

type GraphProto = MessageShape<typeof GraphProtoSchema>;
type ModelProto = MessageShape<typeof ModelProtoSchema>;
type NodeProto = MessageShape<typeof NodeProtoSchema>;
type ValueInfoProto = MessageShape<typeof ValueInfoProtoSchema>;

/** How a model is read. */
export interface ImportOptions {
  /** Bytes of the files that the model keeps tensors in, by the `location` that it gives them; none unless given. */
  readonly externalData?: ExternalData;
}

/** Versions of operator sets that Cuanta knows, by domain; '' is ONNX's own. */
const knownOpsets: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['', [7, 25]],
  ['com.microsoft', [1, 1]],
]);
const largestRank = 64;

/**
 * Reads an ONNX model: operator sets 7–25 of ONNX and 1 of com.microsoft.
 *
 * Initializers and Constant nodes become the graph's initializers, those of the branches of an If too; an If whose condition
 * is among them becomes the nodes of the branch taken. Nodes are put in an order in which they can be computed, and given
 * names of their own where the model has none. Local functions are not inlined.
 *
 * Takes time and memory in proportion to the file.
 *
 * @throws MalformedModel for a file that is damaged or contradicts itself, UnsupportedOperator for what Cuanta does not
 * compute with (element types, sequences, sparse tensors, local functions, other operator sets), LimitExceeded for integers
 * beyond ±(2⁵³ − 1), InvalidInput for external data that was not given
 */
export function importOnnx(bytes: Uint8Array, options: ImportOptions = {}): Graph {
  const model = decodeModel(bytes);
  if (!model.graph) {
    throw new MalformedModel(
      `The file of ${bytes.length} bytes holds no graph: it is no ONNX model, or a truncated one.`,
    );
  }
  return new Importer(model, options.externalData ?? {}).model(model.graph);
}

class Importer {
  readonly #externalData: ExternalData;
  readonly #opsets: ReadonlyMap<string, number>;
  /** Local functions, as `domain/name`. */
  readonly #functions: ReadonlySet<string>;
  readonly #valueNames = new NameTable();
  readonly #nodeNames = new NameTable();
  readonly #initializers = new Map<string, HostTensor>();

  constructor(model: ModelProto, externalData: ExternalData) {
    this.#externalData = externalData;
    this.#opsets = opsetsOf(model);
    this.#functions = new Set(model.functions.map(({ domain, name }) => `${domainOf(domain)}/${name}`));
  }

  model(proto: GraphProto): Graph {
    const graph = this.#graph(proto, undefined);
    return { ...graph, initializers: this.#initializers };
  }

  /**
   * A graph, its names made unique in the model and its constants moved to the model's.
   * @param outputNames names that its outputs are to have; their own unless given
   */
  #graph(proto: GraphProto, outer: NameScope | undefined, outputNames?: readonly string[]): Graph {
    const title = `graph ${JSON.stringify(proto.name)}`;
    if (proto.sparseInitializer.length > 0) {
      throw new UnsupportedOperator(
        `The ${title} has ${proto.sparseInitializer.length} sparse initializers; export the model with dense ones.`,
      );
    }
    const scope = new NameScope(this.#valueNames, title, outer);
    const constants = new Set(proto.initializer.map(({ name }) => name));
    const inputs = proto.input.filter(({ name }) => !constants.has(name));
    // Everything is declared before anything is read: nodes may come in any order.
    const inputNames = inputs.map(({ name }) => scope.declare(name));
    for (const tensor of proto.initializer) {
      const name = scope.declare(tensor.name);
      this.#initializers.set(name, importTensor(tensor, `The initializer ${quoted(tensor.name)}`, this.#externalData));
    }
    const wanted = new Map<string, string>();
    if (outputNames && outputNames.length !== proto.output.length) {
      throw new MalformedModel(
        `The ${title} has ${proto.output.length} outputs, but its node has ${outputNames.length}; export the model again.`,
      );
    }
    proto.output.forEach(({ name }, index) => {
      const outputName = outputNames?.[index];
      if (outputName) wanted.set(name, outputName);
    });
    for (const node of proto.node) {
      const isConstant = domainOf(node.domain) === '' && node.opType === 'Constant';
      for (const name of node.output) if (name !== '') scope.declare(name, isConstant ? undefined : wanted.get(name));
      if (isConstant) this.#constant(node, scope);
    }

    const nodes = proto.node.flatMap((node) => this.#node(node, scope));
    const outputs = proto.output.map((value, index): GraphValue => {
      const name = scope.resolve(value.name, `output ${index} of the ${title}`);
      return outputNames ? this.#output(name, outputNames[index] ?? '', nodes) : graphValue(value, name, 'output');
    });
    if (new Set(outputs.map(({ name }) => name)).size < outputs.length) {
      throw new MalformedModel(`The ${title} has two outputs of the same name; export the model again.`);
    }
    return {
      name: proto.name,
      inputs: inputs.map((value, index) => graphValue(value, inputNames[index] ?? '', outer ? 'inner input' : 'input')),
      outputs,
      nodes: sortNodes(nodes),
      initializers: new Map(),
      opsets: this.#opsets,
    };
  }

  /** An output of a branch under the name that the node gives it: copied where it is not made under that name. */
  #output(name: string, outputName: string, nodes: GraphNode[]): GraphValue {
    const untyped = { elementType: undefined, dimensions: undefined };
    if (outputName === '' || name === outputName) return { name, ...untyped };
    nodes.push({
      name: this.#nodeNames.unique('Identity'),
      domain: '',
      operator: 'Identity',
      inputs: [name],
      outputs: [outputName],
      attributes: new Map(),
    });
    return { name: outputName, ...untyped };
  }

  #constant(node: NodeProto, scope: NameScope): void {
    const title = `Constant node ${quoted(node.name)}`;
    const [output] = node.output;
    if (node.output.length !== 1 || !output || node.input.length > 0) {
      throw new MalformedModel(`${title} must have no input and one output; export the model again.`);
    }
    this.#opsetOf(node);
    const attributes = this.#attributes(node.attribute, title, () => {
      throw new MalformedModel(`${title} holds a graph; export the model again.`);
    });
    this.#initializers.set(scope.resolve(output, title), constantValue(attributes, title));
  }

  /** The node; those of the branch taken where it is a choice that is decided already; none for a constant. */
  #node(proto: NodeProto, scope: NameScope): GraphNode[] {
    const domain = domainOf(proto.domain);
    const operator = proto.opType;
    if (operator === 'Constant' && domain === '') return [];
    const title = `${operator} node ${quoted(proto.name)}`;
    if (operator === '')
      throw new MalformedModel(`The node ${quoted(proto.name)} has no operator; export the model again.`);
    if (this.#functions.has(`${domain}/${operator}`)) {
      throw new UnsupportedOperator(
        `${title} calls a local function of the model, which Cuanta does not do; inline them first, with onnx.inliner.inline_local_functions.`,
      );
    }
    this.#opsetOf(proto);
    const inputs = proto.input.map((name) => (name === '' ? '' : scope.resolve(name, `an input of ${title}`)));
    const outputs = proto.output.map((name) => (name === '' ? '' : scope.resolve(name, title)));
    if (isChoice({ operator, domain })) return this.#choice(proto, title, scope, inputs, outputs);
    const attributes = this.#attributes(proto.attribute, title, (graph) => this.#graph(graph, scope));
    return [{ name: this.#nodeNames.unique(proto.name || operator), domain, operator, inputs, outputs, attributes }];
  }

  #choice(
    proto: NodeProto,
    title: string,
    scope: NameScope,
    inputs: readonly string[],
    outputs: readonly string[],
  ): GraphNode[] {
    const condition = this.#initializers.get(inputs[0] ?? '');
    if (inputs.length !== 1) throw new MalformedModel(`${title} has ${inputs.length} inputs, not 1; export it again.`);
    if (condition && (condition.elementType !== 'bool' || condition.data.length !== 1)) {
      throw new MalformedModel(`The condition of ${title} is not one bool; export the model again.`);
    }
    const taken = condition && (condition.data[0] === 1 ? 'then_branch' : 'else_branch');
    const kept = taken ? proto.attribute.filter(({ name }) => name === taken) : proto.attribute;
    const attributes = this.#attributes(kept, title, (graph) => {
      if (graph.input.length > 0) throw new MalformedModel(`A branch of ${title} has inputs; export the model again.`);
      return this.#graph(graph, scope, outputs);
    });
    const node: GraphNode = {
      name: this.#nodeNames.unique(proto.name || proto.opType),
      domain: '',
      operator: proto.opType,
      inputs,
      outputs,
      attributes,
    };
    if (taken) return [...chosenBranch(node, taken === 'then_branch').nodes];
    chosenBranch(node, true);
    chosenBranch(node, false);
    return [node];
  }

  #attributes(
    protos: readonly AttributeProto[],
    title: string,
    importGraph: (graph: GraphProto) => Graph,
  ): Map<string, Attribute> {
    const attributes = new Map<string, Attribute>();
    for (const attribute of protos) {
      const what = `The attribute ${quoted(attribute.name)} of ${title}`;
      if (attributes.has(attribute.name)) throw new MalformedModel(`${what} is given twice; export the model again.`);
      attributes.set(attribute.name, importAttribute(attribute, what, this.#externalData, importGraph));
    }
    return attributes;
  }

  #opsetOf({ domain, opType, name }: NodeProto): void {
    if (this.#opsets.has(domainOf(domain))) return;
    throw new MalformedModel(
      `${opType} node ${quoted(name)} is of the domain ${quoted(domain)}, of which the model imports no operator set; it imports ${[...this.#opsets.keys()].map(quoted).join(', ') || 'none'}.`,
    );
  }
}

/** ONNX's own domain has two spellings. */
const domainOf = (domain: string): string => (domain === 'ai.onnx' ? '' : domain);

function opsetsOf(model: ModelProto): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const { domain: spelled, version: long } of model.opsetImport) {
    const domain = domainOf(spelled);
    const version = Number(long);
    if ((opsets.get(domain) ?? version) !== version) {
      throw new MalformedModel(`The model imports two versions of the operator set ${quoted(domain)}.`);
    }
    opsets.set(domain, version);
    const [least, greatest] = knownOpsets.get(domain) ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    if (version < least || version > greatest) {
      throw new UnsupportedOperator(
        `The model uses version ${version} of the operator set ${quoted(domain || 'ai.onnx')}; Cuanta knows ${least} to ${greatest}. Convert it with onnx.version_converter.`,
      );
    }
  }
  return opsets;
}

function graphValue(
  { name: ownName, type }: ValueInfoProto,
  name: string,
  role: 'input' | 'inner input' | 'output',
): GraphValue {
  const what = `The ${role} ${quoted(ownName)}`;
  if (type?.value.case === undefined) {
    if (role === 'input') throw new MalformedModel(`${what} has no type; export the model again.`);
    return { name, elementType: undefined, dimensions: undefined };
  }
  if (type.value.case !== 'tensorType') {
    throw new UnsupportedOperator(
      `${what} is of the kind ${type.value.case}; Cuanta takes and makes tensors. Export the model without it.`,
    );
  }
  const { elemType, shape } = type.value.value;
  if (shape && shape.dim.length > largestRank) {
    throw new MalformedModel(`${what} has ${shape.dim.length} dimensions; at most ${largestRank} are read.`);
  }
  return {
    name,
    elementType: elementTypeOf(elemType, what),
    dimensions: shape?.dim.map(({ value }): Dimension => {
      if (value.case === 'dimParam') return value.value || undefined;
      // Some exporters write −1 for a length that is not known.
      if (value.case === undefined || value.value === -1n) return undefined;
      const length = Number(value.value);
      if (!Number.isSafeInteger(length) || length < 0) {
        throw new MalformedModel(`${what} has a dimension of length ${value.value}; export the model again.`);
      }
      return length;
    }),
  };
}
