/** Graphs of older operator sets as ones of a newer. */
import { UnsupportedOperator } from '../base/errors.ts';
import type { Attribute, Graph, GraphNode } from '../graph/graph.ts';
import { type HostTensor, hostTensor } from '../graph/hostTensor.ts';
import { NameTable, namesOf } from './names.ts';

/** Operator sets that graphs are upgraded to: 13 has QuantizeLinear per channel, 21 4-bit integers and blocks. */
export type UpgradeTarget = 13 | 21;

/** A change of an operator's form. */
interface Change {
  readonly operators: readonly string[];
  /** The first operator set with the new form. */
  readonly since: number;
  /** The nodes that take the place of one of the old form, in order. */
  readonly rewrite: (node: GraphNode, upgrade: Upgrade) => readonly GraphNode[];
}

/**
 * A graph in which every node has the form of the operator set asked for, or of its own if that is newer, and computes the
 * same. Names of values stay; values and constants that are added have names of their own. Covers the operators that
 * Cuanta computes; others are left as they are.
 *
 * @param target operator set of ONNX's own domain
 * @throws UnsupportedOperator for what the newer set cannot express: batch normalization that is not over channels or that
 * trains, a mask of Dropout that is a float, Resize with `tf_half_pixel_for_nn`, group normalization before version 21
 */
export function upgradeGraph(graph: Graph, target: UpgradeTarget): Graph {
  const opset = graph.opsets.get('') ?? target;
  if (opset >= target) return graph;
  return new Upgrade(graph, opset, target).graph(graph);
}

class Upgrade {
  readonly opset: number;
  readonly target: number;
  readonly #names = new NameTable();
  readonly #constants = new Map<string, HostTensor>();
  readonly #floatType: 'float32' | 'float64' | 'float16';
  readonly #used: ReadonlySet<string>;

  constructor(graph: Graph, opset: number, target: number) {
    this.opset = opset;
    this.target = target;
    for (const name of namesOf(graph)) this.#names.unique(name);
    for (const { name } of graph.nodes) this.#names.unique(name);
    this.#floatType = floatTypeOf(graph);
    this.#used = new Set(usesWithin(graph));
  }

  graph(graph: Graph): Graph {
    const upgraded = this.#inner(graph);
    return { ...upgraded, initializers: new Map([...graph.initializers, ...this.#constants]) };
  }

  #inner(graph: Graph): Graph {
    const nodes = graph.nodes.flatMap((node) => this.#node(node));
    return { ...graph, nodes, opsets: new Map(graph.opsets).set('', this.target) };
  }

  #node(node: GraphNode): readonly GraphNode[] {
    const attributes = new Map(
      [...node.attributes].map(([name, value]) => [name, isGraph(value) ? this.#inner(value) : value] as const),
    );
    let nodes: readonly GraphNode[] = [{ ...node, attributes }];
    for (const { operators, since, rewrite } of changes) {
      if (this.opset >= since || since > this.target) continue;
      nodes = nodes.flatMap((each) =>
        each.domain === '' && operators.includes(each.operator) ? rewrite(each, this) : [each],
      );
    }
    return nodes;
  }

  uses(name: string | undefined): boolean {
    return name !== undefined && this.#used.has(name);
  }

  value(base: string): string {
    return this.#names.unique(base);
  }

  /** A node before or after another, with one output. */
  beside(
    node: GraphNode,
    operator: string,
    inputs: readonly string[],
    output: string,
    attributes: readonly [string, Attribute][] = [],
  ): GraphNode {
    const name = this.#names.unique(`${node.name}/${operator}`);
    return { name, domain: '', operator, inputs, outputs: [output], attributes: new Map(attributes) };
  }

  /** The name of a constant for a node. */
  constant(node: GraphNode, what: string, tensor: HostTensor): string {
    const name = this.#names.unique(`${node.name}/${what}`);
    this.#constants.set(name, tensor);
    return name;
  }

  integers(node: GraphNode, what: string, values: readonly number[]): string {
    return this.constant(node, what, hostTensor('int64', [values.length], values));
  }

  float(node: GraphNode, what: string, value: number): string {
    return this.constant(node, what, hostTensor(this.#floatType, [], [value]));
  }
}

const isGraph = (value: Attribute): value is Graph => typeof value === 'object' && 'nodes' in value;

/** All names that are read, in branches too. */
function* usesWithin(graph: Graph): Generator<string> {
  for (const { name } of graph.outputs) yield name;
  for (const { inputs, attributes } of graph.nodes) {
    yield* inputs;
    for (const value of attributes.values()) if (isGraph(value)) yield* usesWithin(value);
  }
}

/** The type of a model's floats, which are all of one type where an older operator set has bounds in attributes. */
function floatTypeOf({ inputs, initializers }: Graph): 'float32' | 'float64' | 'float16' {
  const types = new Set([...inputs, ...initializers.values()].map(({ elementType }) => elementType));
  if (types.has('float32')) return 'float32';
  return types.has('float16') ? 'float16' : types.has('float64') ? 'float64' : 'float32';
}

/** A node without some attributes, and with other inputs. */
function without(node: GraphNode, names: readonly string[], changed: Partial<GraphNode> = {}): GraphNode {
  const attributes = new Map([...node.attributes].filter(([name]) => !names.includes(name)));
  return { ...node, attributes, ...changed };
}

const numbersOf = (node: GraphNode, name: string): readonly number[] | undefined => {
  const value = node.attributes.get(name);
  return Array.isArray(value) ? value.map(Number) : undefined;
};
const numberOf = (node: GraphNode, name: string): number | undefined => {
  const value = node.attributes.get(name);
  return typeof value === 'number' ? value : undefined;
};

/** Inputs with one at a place, empty names before it. */
function withInput(node: GraphNode, place: number, name: string): readonly string[] {
  return [...Array.from({ length: place }, (_, index) => node.inputs[index] ?? ''), name];
}

/** A list in an attribute becomes an input. */
function listToInput(attribute: string, place: number): Change['rewrite'] {
  return (node, upgrade) => {
    const values = numbersOf(node, attribute);
    if (!values) return [node];
    const inputs = withInput(node, place, upgrade.integers(node, attribute, values));
    return [without(node, [attribute], { inputs })];
  };
}

function refuse(node: GraphNode, reason: string): never {
  throw new UnsupportedOperator(
    `${node.operator} node "${node.name}" cannot be written in a newer operator set: ${reason}. Export the model with a newer operator set.`,
  );
}

/** Before 13 the axes from `axis` on were one. */
function flattenedRows(node: GraphNode, upgrade: Upgrade): readonly GraphNode[] {
  const axis = numberOf(node, 'axis') ?? 1;
  if (axis === -1) return [node];
  const [input = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const [shape, flat, result] = ['shape', 'flat', 'result'].map((what) => upgrade.value(`${output}/${what}`));
  if (shape === undefined || flat === undefined || result === undefined) return [node];
  return [
    upgrade.beside(node, 'Shape', [input], shape),
    upgrade.beside(node, 'Flatten', [input], flat, [['axis', axis]]),
    { ...node, inputs: [flat], outputs: [result], attributes: new Map([['axis', -1]]) },
    upgrade.beside(node, 'Reshape', [result, shape], output),
  ];
}

/** Upsample, and Resize before 11: scales from the corner, rounded down. */
function resized(node: GraphNode, upgrade: Upgrade): GraphNode {
  const given = numbersOf(node, 'scales');
  const scales = given
    ? upgrade.constant(node, 'scales', hostTensor('float32', [given.length], given))
    : (node.inputs[1] ?? '');
  const attributes: [string, Attribute][] = [
    ['mode', node.attributes.get('mode') ?? 'nearest'],
    ['coordinate_transformation_mode', 'asymmetric'],
    ['nearest_mode', 'floor'],
  ];
  return { ...node, operator: 'Resize', inputs: [node.inputs[0] ?? '', '', scales], attributes: new Map(attributes) };
}

/** In the order of the operator sets. */
const changes: readonly Change[] = [
  {
    operators: ['BatchNormalization'],
    since: 9,
    rewrite: (node) => {
      if (numberOf(node, 'spatial') === 0) refuse(node, 'it has statistics for each place (spatial = 0)');
      return [without(node, ['spatial'])];
    },
  },
  { operators: ['Upsample'], since: 10, rewrite: (node, upgrade) => [resized(node, upgrade)] },
  {
    operators: ['Dropout'],
    since: 10,
    rewrite: (node, upgrade) => {
      if (upgrade.uses(node.outputs[1])) refuse(node, 'its mask is a float, and a bool from version 10 on');
      return [{ ...node, outputs: node.outputs.slice(0, 1) }];
    },
  },
  {
    operators: ['Slice'],
    since: 10,
    rewrite: (node, upgrade) => {
      const lists = ['starts', 'ends', 'axes'].flatMap((name) => {
        const values = numbersOf(node, name);
        return values ? [upgrade.integers(node, name, values)] : [];
      });
      return [{ ...node, inputs: [...node.inputs, ...lists], attributes: new Map() }];
    },
  },
  {
    operators: ['TopK'],
    since: 10,
    rewrite: (node, upgrade) => {
      const k = upgrade.integers(node, 'k', [numberOf(node, 'k') ?? 1]);
      return [without(node, ['k'], { inputs: withInput(node, 1, k) })];
    },
  },
  {
    operators: ['Resize'],
    since: 11,
    // An Upsample became one of the new form already.
    rewrite: (node, upgrade) =>
      node.attributes.has('coordinate_transformation_mode') ? [node] : [resized(node, upgrade)],
  },
  {
    operators: ['Clip'],
    since: 11,
    rewrite: (node, upgrade) => {
      const bounds = ['min', 'max'].map((name) => {
        const bound = numberOf(node, name);
        return bound === undefined ? '' : upgrade.float(node, name, bound);
      });
      const inputs = [node.inputs[0] ?? '', ...bounds];
      while (inputs.at(-1) === '') inputs.pop();
      return [without(node, ['min', 'max'], { inputs })];
    },
  },
  {
    operators: ['Pad'],
    since: 11,
    rewrite: (node, upgrade) => {
      const pads = upgrade.integers(node, 'pads', numbersOf(node, 'pads') ?? []);
      const fill = upgrade.float(node, 'value', numberOf(node, 'value') ?? 0);
      return [without(node, ['pads', 'value'], { inputs: [node.inputs[0] ?? '', pads, fill] })];
    },
  },
  { operators: ['Dropout'], since: 12, rewrite: (node) => [without(node, ['ratio'])] },
  { operators: ['Softmax', 'LogSoftmax', 'Hardmax'], since: 13, rewrite: flattenedRows },
  { operators: ['Squeeze', 'Unsqueeze'], since: 13, rewrite: listToInput('axes', 1) },
  { operators: ['ReduceSum'], since: 13, rewrite: listToInput('axes', 1) },
  { operators: ['Split'], since: 13, rewrite: listToInput('split', 1) },
  {
    operators: ['Resize'],
    since: 13,
    rewrite: (node) => {
      if (node.attributes.get('coordinate_transformation_mode') === 'tf_half_pixel_for_nn') {
        refuse(node, 'there is no tf_half_pixel_for_nn any more');
      }
      return [node];
    },
  },
  {
    operators: ['BatchNormalization'],
    since: 14,
    rewrite: (node, upgrade) => {
      if (node.outputs.slice(1).some((name) => upgrade.uses(name))) refuse(node, 'its statistics are used: it trains');
      return [{ ...node, outputs: node.outputs.slice(0, 1) }];
    },
  },
  {
    operators: ['Split'],
    since: 18,
    rewrite: (node) => {
      if (node.inputs[1]) return [node];
      return [{ ...node, attributes: new Map(node.attributes).set('num_outputs', node.outputs.length) }];
    },
  },
  {
    operators: [
      ...['ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceMax', 'ReduceMean', 'ReduceMin'],
      ...['ReduceProd', 'ReduceSumSquare'],
    ],
    since: 18,
    rewrite: listToInput('axes', 1),
  },
  {
    operators: ['GridSample'],
    since: 20,
    rewrite: (node) => {
      const modes = new Map([
        ['bilinear', 'linear'],
        ['bicubic', 'cubic'],
      ]);
      const mode = node.attributes.get('mode') ?? 'bilinear';
      const renamed = typeof mode === 'string' ? (modes.get(mode) ?? mode) : mode;
      return [{ ...node, attributes: new Map(node.attributes).set('mode', renamed) }];
    },
  },
  {
    operators: ['GroupNormalization'],
    since: 21,
    rewrite: (node) => refuse(node, 'its scales are those of groups, and of channels from version 21 on'),
  },
];
