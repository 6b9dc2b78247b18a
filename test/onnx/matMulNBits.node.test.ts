import { describe, it } from 'vitest';
import { runReference } from '../reference/onnxNode.ts';
import { evaluateNode } from '../support/oneNode.ts';
import { packedCases } from './matMulNBitsCases.ts';
import { expectOutputs } from './nodeCases.ts';

describe('by definition as in ONNX Runtime', () => {
  it.each(packedCases)('$name', async (nodeCase) => {
    expectOutputs(evaluateNode(nodeCase), await runReference(nodeCase), nodeCase.tolerance);
  });
});
