import { MalformedModel } from '../base/errors.ts';
import type { ElementType, HostTensor } from './hostTensor.ts';

/** An axis length: a number, the name of one that is bound at run time, or nothing known. */
export type Dimension = number | string | undefined;

/** An input or output of a graph as it is declared. */
export interface GraphValue {
  readonly name: string;
  /** Undefined where an output does not declare it. */
  readonly elementType: ElementType | undefined;
  /** Undefined where even the rank is not declared. */
  readonly dimensions: readonly Dimension[] | undefined;
}

/** What a node's attribute may hold. */
export type Attribute = number | string | HostTensor | Graph | readonly number[] | readonly string[];

/** One operation. */
export interface GraphNode {
  /** Unique in its graph; made up where the model has none. */
  readonly name: string;
  /** '' is ONNX's own domain. */
  readonly domain: string;
  /** Name of the operator, such as `Conv`. */
  readonly operator: string;
  /** Names of values; '' for one left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** Names of the model's nodes that it stands for, where a pass made it. */
  readonly replaces?: readonly string[];
  /** Why it is computed with floats although quantized values surround it. */
  readonly notFused?: string;
}

/** A model as a graph: nodes come after whatever they read. */
export interface Graph {
  readonly name: string;
  /** What the caller must give: initializers are not among them. */
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  readonly nodes: readonly GraphNode[];
  readonly initializers: ReadonlyMap<string, HostTensor>;
  /** Version of the operator set of each domain. */
  readonly opsets: ReadonlyMap<string, number>;
}

/** True for a choice between two graphs, which is made when its condition is known: before the model runs. */
export function isChoice(node: Pick<GraphNode, 'operator' | 'domain'>): boolean {
  return node.operator === 'If' && node.domain === '';
}

/** The graph that a choice comes to. @throws MalformedModel when the node lacks it. */
export function chosenBranch(node: GraphNode, condition: boolean): Graph {
  const name = condition ? 'then_branch' : 'else_branch';
  const branch = node.attributes.get(name);
  if (typeof branch !== 'object' || !('nodes' in branch)) {
    throw new MalformedModel(`If node "${node.name}" lacks its ${name}; export the model again.`);
  }
  return branch;
}

/** Names of the values that a node reads, those that the graphs in its attributes read from outside among them. */
export function usedNames(node: GraphNode): readonly string[] {
  const graphs = subgraphsOf(node);
  const names = node.inputs.filter((name) => name !== '');
  return graphs.length === 0 ? names : [...new Set([...names, ...graphs.flatMap(capturedNames)])];
}

/** The graphs in a node's attributes. */
export function subgraphsOf(node: GraphNode): readonly Graph[] {
  const isGraph = (attribute: Attribute): attribute is Graph => typeof attribute === 'object' && 'nodes' in attribute;
  return [...node.attributes.values()].filter(isGraph);
}

/** Names that a graph reads without defining them. */
function capturedNames(graph: Graph): string[] {
  const own = new Set([...graph.inputs.map(({ name }) => name), ...graph.nodes.flatMap(({ outputs }) => outputs)]);
  const used = [...graph.nodes.flatMap(usedNames), ...graph.outputs.map(({ name }) => name)];
  return used.filter((name) => !own.has(name));
}
