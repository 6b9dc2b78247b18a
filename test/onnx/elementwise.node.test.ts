import { describe, it } from 'vitest';
import { runReference } from '../reference/onnxNode.ts';
import { evaluateNode } from '../support/oneNode.ts';
import { cases } from './elementwiseCases.ts';
import { expectOutputs } from './nodeCases.ts';

// The GPU is compared with the definitions, and the definitions with ONNX Runtime, which computes in float32.
describe('the definitions against ONNX Runtime', () => {
  it.each(cases)('$name', async (nodeCase) => {
    const { operator, attributes = {} } = nodeCase;
    const floatAttributes = ['alpha', 'beta', 'gamma', 'min', 'max', 'epsilon'].filter((name) => name in attributes);
    const reference = await runReference({ ...nodeCase, operator, floatAttributes });
    expectOutputs(evaluateNode(nodeCase), reference, Math.max(nodeCase.tolerance ?? 0, 2e-6));
  });
});
