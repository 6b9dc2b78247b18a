import { describe, expect, it } from 'vitest';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { QLinearAdd, QLinearMul } from '../../src/onnx/operators/quantizedElementwise.ts';
import { runReference } from '../reference/onnxNode.ts';
import { createRandom } from '../reference/random.ts';
import { evaluateNode } from '../support/oneNode.ts';
import { quantizedBinaryCases, quantizedUnaryCases } from './quantizedElementwiseCases.ts';

describe('by definition as in ONNX Runtime', () => {
  it.each([...quantizedBinaryCases, ...quantizedUnaryCases])('$name', async (nodeCase) => {
    const [ours] = evaluateNode(nodeCase);
    const [theirs] = await runReference(nodeCase);
    expect(ours?.shape).toEqual([...(theirs?.shape ?? [])]);
    expect(Array.from(ours?.data ?? [])).toEqual(Array.from(theirs?.data ?? []));
  });

  it.each([QLinearAdd, QLinearMul])('$name of all pairs of codes, in ties too', async (operator) => {
    const random = createRandom(29);
    const pairs = Array.from({ length: 2 ** 16 }, (_, pair) => pair);
    for (const [aScale, bScale, scale] of [
      [0.5, 0.25, 0.5],
      [0.024709, 0.0123545, 0.024709],
      [0.0731, 0.0457, 0.0913],
    ] as const) {
      const parameters = [aScale, bScale, scale].map((value, index) => [
        hostTensor('float32', [], [value]),
        hostTensor('uint8', [], [index === 2 ? 121 : random.integer(0, 255)]),
      ]);
      const [a = [], b = [], y = []] = parameters;
      const codes = [pairs.map((pair) => pair & 255), pairs.map((pair) => pair >> 8)];
      const [left, right] = codes.map((data) => hostTensor('uint8', [2 ** 16], data));
      const nodeCase = { operator, inputs: [left, ...a, right, ...b, ...y], constants: [1, 2, 4, 5, 6, 7] };
      const [theirs] = await runReference(nodeCase);
      expect(evaluateNode(nodeCase)[0]?.data).toEqual(theirs?.data);
    }
  });
});
