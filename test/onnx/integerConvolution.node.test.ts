import { describe, expect, it } from 'vitest';
import { runReference } from '../reference/onnxNode.ts';
import { evaluateNode } from '../support/oneNode.ts';
import { convIntegerCases, qLinearConvCases } from './integerConvolutionCases.ts';
import { expectOutputs } from './nodeCases.ts';

describe('by definition as in ONNX Runtime', () => {
  it.each(convIntegerCases)('$name', async (nodeCase) => {
    expectOutputs(evaluateNode(nodeCase), await runReference(nodeCase));
  });

  it.each(qLinearConvCases)('$name', async (nodeCase) => {
    const found = evaluateNode(nodeCase);
    expectOutputs(found, await runReference(nodeCase));
    expect(new Set(found[0]?.data).size).toBeGreaterThan(50);
  });
});
