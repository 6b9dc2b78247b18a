import { describe, expect, it } from 'vitest';
import { type ElementType, hostTensor, integerRange } from '../../src/graph/hostTensor.ts';
import { requantizedMatrixOperators } from '../../src/onnx/operators/requantizedMatrix.ts';
import { runReference } from '../reference/onnxNode.ts';
import { createRandom } from '../reference/random.ts';
import { evaluateNode } from '../support/oneNode.ts';

describe('QLinearMatMul over random parameters as in ONNX Runtime', () => {
  const combinations: [ElementType, ElementType][] = [
    ['uint8', 'uint8'],
    ['uint8', 'int8'],
    ['int8', 'int8'],
  ];

  it.each(combinations)('%s by %s: the same codes', async (aType, bType) => {
    const random = createRandom(20261123);
    const operator = requantizedMatrixOperators.find(({ name, domain }) => name === 'QLinearMatMul' && domain === '');
    if (!operator) throw new Error('There is no QLinearMatMul.');
    let compared = 0;
    for (let round = 0; round < 60; round++) {
      const [M, K, N] = [random.integer(1, 40), random.integer(1, 300), random.integer(1, 60)];
      const codes = (type: ElementType, ...shape: number[]) => {
        const [low, high] = integerRange(type) ?? [0, 0];
        const count = shape.reduce((product, length) => product * length, 1);
        return hostTensor(type, shape, random.integerArray(count, low, high));
      };
      const scale = (least: number, greatest: number, ...shape: number[]) =>
        hostTensor('float32', shape, random.uniformArray(shape[0] ?? 1, least, greatest));
      const lanes = round % 2 === 0 || bType === 'uint8' ? [] : [N];
      const left = [codes(aType, M, K), scale(0.001, 0.02), codes(aType)];
      const right = [codes(bType, K, N), scale(0.001, 0.02, ...lanes), codes(bType, ...lanes)];
      const target = [scale(0.005 * Math.sqrt(K), 0.02 * Math.sqrt(K)), codes(aType)];
      const inputs = [...left, ...right, ...target];
      const nodeCase = { operator, inputs, constants: [1, 2, 3, 4, 5, 6, 7] };
      const [found] = evaluateNode(nodeCase);
      const [wanted] = await runReference(nodeCase);
      expect(found?.data).toEqual(wanted?.data);
      compared += found?.data.length ?? 0;
    }
    expect(compared).toBeGreaterThan(30000);
  });
});
