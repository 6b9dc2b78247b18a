import { MalformedModel } from '../base/errors.ts';
import type { Shape } from '../base/shape.ts';
import { chosenBranch, type Graph, type GraphNode, isChoice, usedNames } from './graph.ts';
import type { ElementType, HostTensor } from './hostTensor.ts';
import { NodeContext, type NodeInput } from './operator.ts';
import { ConstantCache, download, feed, Plan, type PlanSource } from './plan.ts';

/** How far an output of a node lies from its definition. */
export interface OutputCheck {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: Shape;
  /** Greatest difference between the GPU's elements and the definition's; infinite where one of them is not finite. */
  readonly absoluteError: number;
  /** That difference by the greatest magnitude among the definition's finite elements; 0 where nothing differs. */
  readonly relativeError: number;
}

/** How far a node that was computed on the GPU lies from its definition. */
export interface NodeCheck {
  readonly node: string;
  readonly operator: string;
  /** Which kernel, and why. */
  readonly explanation: string;
  readonly outputs: readonly OutputCheck[];
}

/** What a self-check found. */
export interface SelfCheckReport {
  /** The nodes computed on the GPU, in order. Those computed on the CPU have nothing to be compared with. */
  readonly nodes: readonly NodeCheck[];
  /** The output with the greatest relative error; undefined when no node is computed on the GPU. */
  readonly worst: (OutputCheck & { readonly node: string; readonly operator: string }) | undefined;
}

/**
 * Runs a graph node by node, each on the GPU as the model would run it, and compares its outputs with the operator's
 * definition on the CPU (float64 within), applied to what the GPU itself was given: errors do not add up from node to node.
 *
 * Everything is read back, so it takes much longer than a run.
 *
 * @param inputs values of all inputs of the graph
 * @param types their types as a run of the model would take them: `host` is there for those that shapes may depend on
 */
export async function selfCheckGraph(
  source: Omit<PlanSource, 'constants'>,
  inputs: Readonly<Record<string, HostTensor>>,
  types: ReadonlyMap<string, NodeInput>,
): Promise<SelfCheckReport> {
  // Not the model's: what is computed before the run is a constant of its node here, for these inputs alone.
  const constants = new ConstantCache();
  const check = new SelfCheck({ ...source, constants }, inputs, types);
  try {
    await check.run(source.graph.nodes);
  } finally {
    constants.dispose();
  }
  const outputs = check.nodes.flatMap(({ node, operator, outputs }) =>
    outputs.map((output) => ({ ...output, node, operator })),
  );
  const [first, ...others] = outputs;
  const worst = others.reduce(
    (most, other) => (other.relativeError > (most?.relativeError ?? 0) ? other : most),
    first,
  );
  return { nodes: check.nodes, worst };
}

/** A value, and whether it is known before the model runs. */
interface CheckedValue {
  readonly value: HostTensor;
  readonly known: boolean;
}

class SelfCheck {
  readonly nodes: NodeCheck[] = [];
  readonly #source: PlanSource;
  readonly #values = new Map<string, CheckedValue>();

  constructor(source: PlanSource, inputs: Readonly<Record<string, HostTensor>>, types: ReadonlyMap<string, NodeInput>) {
    this.#source = source;
    for (const [name, value] of source.graph.initializers) this.#values.set(name, { value, known: true });
    for (const [name, value] of Object.entries(inputs))
      this.#values.set(name, { value, known: types.get(name)?.host !== undefined });
  }

  async run(nodes: readonly GraphNode[]): Promise<void> {
    const lastUse = new Map<string, GraphNode>();
    for (const node of nodes) for (const name of usedNames(node)) lastUse.set(name, node);
    for (const node of nodes) {
      const condition = this.#values.get(node.inputs[0] ?? '');
      // One that is not known is refused by the plan of the node.
      if (isChoice(node) && condition?.known) await this.run(chosenBranch(node, condition.value.data[0] !== 0).nodes);
      else await this.#node(node);
      if (nodes !== this.#source.graph.nodes) continue;
      for (const name of usedNames(node)) if (lastUse.get(name) === node) this.#values.delete(name);
    }
  }

  async #node(node: GraphNode): Promise<void> {
    const { engine } = this.#source;
    const { graph, types } = this.#alone(node);
    const plan = new Plan({ ...this.#source, graph }, types);
    try {
      for (const [name, target] of plan.inputs) feed(engine, target, this.#value(name).value, name);
      plan.run();
      const results = new Map<string, CheckedValue>();
      for (const [name, { elementType, shape, host, tensor }] of plan.outputs) {
        const value = host ?? (tensor && (await download(tensor, { elementType, shape })));
        if (value) results.set(name, { value, known: host !== undefined });
      }
      const [planned] = plan.nodes;
      if (planned?.place === 'gpu') this.nodes.push(this.#compare(node, planned.explanation, results));
      for (const [name, value] of results) this.#values.set(name, value);
    } finally {
      plan.dispose();
    }
  }

  #value(name: string): CheckedValue {
    const found = this.#values.get(name);
    if (!found) throw new MalformedModel(`Nothing makes the value "${name}"; export the model again.`);
    return found;
  }

  /** The node as a graph of its own, and the types of what it reads from the GPU. */
  #alone(node: GraphNode): { readonly graph: Graph; readonly types: ReadonlyMap<string, NodeInput> } {
    const types = new Map<string, NodeInput>();
    const initializers = new Map<string, HostTensor>();
    for (const name of usedNames(node)) {
      const { value, known } = this.#value(name);
      if (known) initializers.set(name, value);
      else types.set(name, { elementType: value.elementType, shape: value.shape, host: undefined });
    }
    const graphValue = (name: string) => ({ name, elementType: undefined, dimensions: undefined });
    const outputs = node.outputs.filter((name) => name !== '').map(graphValue);
    const inputs = [...types.keys()].map(graphValue);
    return { graph: { ...this.#source.graph, nodes: [node], inputs, outputs, initializers }, types };
  }

  #compare(node: GraphNode, explanation: string, results: ReadonlyMap<string, CheckedValue>): NodeCheck {
    const inputs = node.inputs.map((name) => (name === '' ? undefined : this.#value(name)));
    const context = new NodeContext(
      node,
      this.#source.graph.opsets.get(node.domain) ?? 1,
      inputs.map((input) => input && { ...input.value, host: input.known ? input.value : undefined }),
    );
    const expected = this.#source.operators.find(node)?.evaluate(
      context,
      inputs.map((input) => input?.value),
    );
    const outputs = node.outputs.flatMap((name, index): OutputCheck[] => {
      const [found, wanted] = [results.get(name)?.value, expected?.[index]];
      if (!found || !wanted) return [];
      return [{ name, elementType: found.elementType, shape: found.shape, ...compareTensors(found, wanted) }];
    });
    return { node: node.name, operator: node.operator, explanation, outputs };
  }
}

/** Greatest difference between two tensors, and that by the greatest finite magnitude of the wanted one. */
export function compareTensors(
  found: HostTensor,
  wanted: HostTensor,
): { readonly absoluteError: number; readonly relativeError: number } {
  if (found.elementType !== wanted.elementType || found.shape.join() !== wanted.shape.join()) {
    return { absoluteError: Number.POSITIVE_INFINITY, relativeError: Number.POSITIVE_INFINITY };
  }
  let [absoluteError, magnitude] = [0, 0];
  wanted.data.forEach((element, index) => {
    const other = found.data[index] ?? Number.NaN;
    // Equal infinities and NaN have no difference that could be computed.
    if (Object.is(element, other)) return;
    const difference = Math.abs(element - other);
    absoluteError = Math.max(absoluteError, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
  });
  for (const element of wanted.data) if (Number.isFinite(element)) magnitude = Math.max(magnitude, Math.abs(element));
  return { absoluteError, relativeError: absoluteError === 0 ? 0 : absoluteError / magnitude };
}
