/** The part of a changed graph that has to be run where the values before the change are at hand. */
import { type Graph, type GraphNode, usedNames } from '../graph.ts';
import { storedBytes } from '../hostTensor.ts';
import { Model, type ModelInputs } from '../model.ts';
import { plannedModel } from './operations.ts';

/** A graph that makes the same values as another, except for one value and what depends on it. */
export interface ChangedGraph {
  readonly graph: Graph;
  readonly from: string;
}

/** Changed graphs, reduced to what differs, that read the same values of the graph that they differ from. */
export interface PartGroup {
  /** The values that the parts read, inputs of the graph not among them. */
  readonly values: readonly string[];
  readonly parts: readonly Graph[];
}

/** Of values that are kept on the GPU at a time. */
const keptBytes = 2 ** 28;

/**
 * Reduces changed graphs to what has to be run, in the order given.
 *
 * @param base the graph that they differ from, in the model whose engine and operators are taken
 * @param samples what they will be run with; the first says how large values are
 * @param mostBytes of values that one group keeps, unless a single graph reads more
 */
export function groupParts(
  { engine, operators }: Model,
  base: Graph,
  changed: readonly ChangedGraph[],
  samples: readonly ModelInputs[],
  mostBytes: number = keptBytes,
): PartGroup[] {
  const sizes = new Map<string, number>();
  const [first] = samples;
  if (first) {
    using plain = new Model(engine, base, operators, { optimize: false });
    for (const { operator, outputs } of plannedModel(plain, first).nodes) {
      // Behind codes that are computed already nothing would be computed with codes.
      if (operator === 'DequantizeLinear') continue;
      for (const value of outputs) {
        if (value.elementType === 'float32') sizes.set(value.name, storedBytes([value]) * samples.length);
      }
    }
  }
  const given = new Set(base.inputs.map(({ name }) => name));
  const groups: { values: Set<string>; parts: Graph[] }[] = [];
  let bytes = 0;
  for (const { graph, from } of changed) {
    const part = changedPart(graph, from, (name) => sizes.has(name));
    const read = part.inputs.flatMap(({ name }) => (given.has(name) ? [] : [name]));
    const added = (known: ReadonlySet<string> | undefined): number =>
      read.reduce((sum, name) => sum + (known?.has(name) ? 0 : (sizes.get(name) ?? 0)), 0);
    let group = groups.at(-1);
    if (!group || bytes + added(group.values) > mostBytes) {
      group = { values: new Set(), parts: [] };
      groups.push(group);
      bytes = 0;
    }
    bytes += added(group.values);
    for (const name of read) group.values.add(name);
    group.parts.push(part);
  }
  return groups.map(({ values, parts }) => ({ values: [...values], parts }));
}

/**
 * The graph with inputs for values that are at hand: the nodes that depend on one value, the one that makes it, and what these
 * read that is not at hand.
 */
export function changedPart(graph: Graph, from: string, isAtHand: (name: string) => boolean): Graph {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const needed = new Set<GraphNode>();
  const differing = new Set([from]);
  for (const node of graph.nodes) {
    if (![...node.outputs, ...usedNames(node)].some((name) => differing.has(name))) continue;
    needed.add(node);
    for (const name of node.outputs) differing.add(name);
  }
  const inputs = new Set<string>();
  const pending = [...graph.outputs.map(({ name }) => name), ...[...needed].flatMap(usedNames)];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (differing.has(name) || graph.initializers.has(name)) continue;
    const maker = makers.get(name);
    if (!maker || isAtHand(name)) inputs.add(name);
    else if (!needed.has(maker)) {
      needed.add(maker);
      pending.push(...usedNames(maker));
    }
  }
  const declared = new Map(graph.inputs.map((input) => [input.name, input]));
  return {
    ...graph,
    inputs: [...inputs].map((name) => declared.get(name) ?? { name, elementType: 'float32', dimensions: undefined }),
    nodes: graph.nodes.filter((node) => needed.has(node)),
  };
}
