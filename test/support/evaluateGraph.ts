import type { Graph } from '../../src/graph/graph.ts';
import type { HostTensor } from '../../src/graph/hostTensor.ts';
import { NodeContext, type OperatorTable } from '../../src/graph/operator.ts';

/** The outputs of a graph as the definitions of its nodes say. */
export function evaluateGraph(
  graph: Graph,
  operators: OperatorTable,
  inputs: Readonly<Record<string, HostTensor>>,
): readonly (HostTensor | undefined)[] {
  const values = new Map([...graph.initializers, ...Object.entries(inputs)]);
  for (const node of graph.nodes) {
    const given = node.inputs.map((name) => values.get(name));
    const known = given.map((host) => host && { ...host, host });
    const context = new NodeContext(node, graph.opsets.get(node.domain) ?? 1, known);
    operators
      .find(node)
      ?.evaluate(context, given)
      .forEach((value, index) => {
        values.set(node.outputs[index] ?? '', value);
      });
  }
  return graph.outputs.map(({ name }) => values.get(name));
}
