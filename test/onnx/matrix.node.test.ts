import { describe, it } from 'vitest';
import { runReference } from '../reference/onnxNode.ts';
import { evaluateNode } from '../support/oneNode.ts';
import { matrixCases } from './matrixCases.ts';
import { expectOutputs } from './nodeCases.ts';

describe('by definition as in ONNX Runtime', () => {
  it.each(matrixCases)('$name', async (nodeCase) => {
    expectOutputs(evaluateNode(nodeCase), await runReference(nodeCase), nodeCase.tolerance);
  });
});
