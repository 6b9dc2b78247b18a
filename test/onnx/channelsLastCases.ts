import { expect } from 'vitest';
import type { Engine } from '../../src/gpu/engine.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { Model } from '../../src/graph/model.ts';
import { type Operator, OperatorTable } from '../../src/graph/operator.ts';
import { evaluateNode, oneNodeGraph } from '../support/oneNode.ts';
import { expectOutputs, type NamedCase } from './nodeCases.ts';

/** Gives its input on, held with its channels last. */
const Hold: Operator = {
  name: 'Hold',
  domain: 'test',
  infer: (context) => [context.input(0)],
  evaluate: (_, inputs) => inputs.flatMap((input) => (input ? [input] : [])),
  record: (record) => {
    const held = record.channelsLast(0);
    return [{ channelsLast: held.reshape(held.shape) }];
  },
};

/** Notes in which order its input is held, and gives it on. */
function watching(seen: boolean[]): Operator {
  return {
    name: 'Watch',
    domain: 'test',
    infer: (context) => [context.input(0)],
    evaluate: (_, inputs) => inputs.flatMap((input) => (input ? [input] : [])),
    record: (record) => {
      seen.push(record.heldChannelsLast(0));
      return [record.tensor(0).reshape(record.context.input(0).shape)];
    },
  };
}

/** The node with its 8-bit inputs of at least three axes held with their channels last, and its first output watched. */
function heldGraph(nodeCase: NamedCase): Graph {
  const graph = oneNodeGraph(nodeCase);
  const [node] = graph.nodes;
  if (!node) throw new Error('The graph has no node.');
  const attributes = new Map();
  const held = graph.inputs.filter(
    ({ elementType, dimensions }) => /^u?int8$/.test(elementType ?? '') && (dimensions?.length ?? 0) >= 3,
  );
  const inputs = node.inputs.map((name) => (held.some((value) => value.name === name) ? `held ${name}` : name));
  return {
    ...graph,
    nodes: [
      ...held.map(({ name }) => ({
        name: `hold ${name}`,
        domain: 'test',
        operator: 'Hold',
        inputs: [name],
        outputs: [`held ${name}`],
        attributes,
      })),
      { ...node, inputs },
      { name: 'watch', domain: 'test', operator: 'Watch', inputs: ['output0'], outputs: ['watched'], attributes },
    ],
    outputs: [{ name: 'watched', elementType: undefined, dimensions: undefined }, ...graph.outputs.slice(1)],
  };
}

/**
 * Runs a node whose inputs are held with their channels last and compares it with its definition; expects that its first
 * output is held so too, unless told otherwise.
 */
export async function expectInBothOrders(engine: Engine, nodeCase: NamedCase, keeps = true): Promise<void> {
  const seen: boolean[] = [];
  const operators = new OperatorTable([nodeCase.operator, Hold, watching(seen)]);
  const graph = heldGraph(nodeCase);
  using model = new Model(engine, graph, operators);
  const feeds = Object.fromEntries(
    graph.inputs.flatMap(({ name }) => {
      const value = nodeCase.inputs[Number(name.slice(5))];
      return value ? [[name, value] as const] : [];
    }),
  );
  const results = [...model.run(feeds).values()];
  try {
    expectOutputs(await Promise.all(results.map((result) => result.read())), evaluateNode(nodeCase));
    expect(seen).toEqual([keeps]);
  } finally {
    for (const result of results) result.dispose();
  }
}
