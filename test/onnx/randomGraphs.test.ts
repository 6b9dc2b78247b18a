import fc from 'fast-check';
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { MalformedModel } from '../../src/base/errors.ts';
import { importOnnx } from '../../src/onnx/import.ts';
import { modelBytes, type NodeInit, node, value } from '../support/onnxBytes.ts';

/** Nodes of which each reads one or two of the values before it, in any order; v0 is the input, v1 a constant. */
const graphs = fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 2, maxLength: 40 }).chain((choices) => {
  const nodes = choices.map(([first, second], index): NodeInit => {
    const known = index + 2;
    return node('Add', [`v${first % known}`, `v${second % known}`], [`v${known}`]);
  });
  return fc.record({
    nodes: fc.constant(nodes),
    order: fc.shuffledSubarray(nodes, { minLength: nodes.length }),
  });
});

const bytesOf = (nodes: NodeInit[]) =>
  modelBytes({
    input: [value('v0')],
    initializer: [{ name: 'v1', dims: [2n], dataType: DataType.FLOAT, floatData: [1, 2] }],
    output: [value(`v${nodes.length + 1}`)],
    node: nodes,
  });

describe('random graphs', () => {
  test('come out with the same nodes, each after what it reads, in whatever order they were stored', () => {
    fc.assert(
      fc.property(graphs, ({ nodes, order }) => {
        const graph = importOnnx(bytesOf(order));
        const known = new Set(['v0', 'v1']);
        for (const { inputs, outputs } of graph.nodes) {
          expect(inputs.filter((name) => !known.has(name))).toEqual([]);
          for (const name of outputs) known.add(name);
        }
        expect(known.size).toBe(nodes.length + 2);
      }),
    );
  });

  test('keep their order where it is one', () => {
    fc.assert(
      fc.property(graphs, ({ nodes }) => {
        const names = importOnnx(bytesOf(nodes)).nodes.map(({ outputs }) => outputs[0]);
        expect(names).toEqual(nodes.map((_, index) => `v${index + 2}`));
      }),
    );
  });

  test('are refused where a node reads what comes of it', () => {
    fc.assert(
      fc.property(graphs, fc.nat(), ({ nodes, order }, choice) => {
        // From the last node back to one that it depends on, over first inputs.
        let at = nodes.length - 1;
        for (let steps = choice % 5; steps > 0; steps--) {
          const source = Number(String(nodes[at]?.input?.[0]).slice(1)) - 2;
          if (source < 0) break;
          at = source;
        }
        const closed = order.map((each) =>
          each === nodes[at] ? { ...each, input: [`v${nodes.length + 1}`, ...(each.input ?? [])] } : each,
        );
        expect(() => importOnnx(bytesOf(closed as NodeInit[]))).toThrow(MalformedModel);
      }),
    );
  });
});
