import type { Graph, GraphNode } from '../../src/graph/graph.ts';
import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { type Operator, OperatorTable } from '../../src/graph/operator.ts';

/** An operator of one input that copies it on the GPU, and by its definition adds something to its first element. */
function copying(name: string, offset: number): Operator {
  return {
    name,
    domain: '',
    infer: (context) => [context.input(0)],
    evaluate: (_context, [input]) => {
      if (!input) throw new Error('There is no input.');
      const values = Array.from(input.data, (element, index) => (index === 0 ? element + offset : element));
      return [hostTensor(input.elementType, input.shape, values)];
    },
    record: (record) => {
      const input = record.tensor(0);
      const output = record.engine.empty(input.shape, input.dtype);
      record.engine.copy(input.allocation, output.allocation, input.layout.size);
      return [output];
    },
  };
}

/** `Copy` is right, `Wrong` is off by 0.5 and `Broken` by NaN. */
export const toyOperators = new OperatorTable([
  copying('Copy', 0),
  copying('Wrong', -0.5),
  copying('Broken', Number.NaN),
]);

/** A node that is named as its output. */
export function toyNode(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: GraphNode['attributes'] = new Map(),
): GraphNode {
  return { name: `make ${outputs[0]}`, domain: '', operator, inputs, outputs, attributes };
}

/** A graph of toy operators, its inputs of any shape. */
export function toyGraph(
  nodes: readonly GraphNode[],
  inputs: readonly string[],
  outputs: readonly string[],
  initializers: Readonly<Record<string, HostTensor>> = {},
): Graph {
  const open = (name: string) => ({ name, elementType: undefined, dimensions: undefined });
  return {
    name: 'toy',
    inputs: inputs.map(open),
    outputs: outputs.map(open),
    nodes,
    initializers: new Map(Object.entries(initializers)),
    opsets: new Map([['', 21]]),
  };
}
