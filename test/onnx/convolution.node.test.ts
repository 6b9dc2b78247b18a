import { describe, it } from 'vitest';
import { runReference } from '../reference/onnxNode.ts';
import { evaluateNode } from '../support/oneNode.ts';
import { convolutionCases } from './convolutionCases.ts';
import { expectOutputs } from './nodeCases.ts';

describe('by definition as in ONNX Runtime', () => {
  it.each(convolutionCases)('$name', async (nodeCase) => {
    expectOutputs(evaluateNode(nodeCase), await runReference(nodeCase), nodeCase.tolerance);
  });
});
