import { describe, it } from 'vitest';
import { runReference } from '../reference/onnxNode.ts';
import { evaluateNode } from '../support/oneNode.ts';
import { expectOutputs } from './nodeCases.ts';
import { normalizeCases } from './normalizeCases.ts';

describe('by definition as in ONNX Runtime', () => {
  it.each(normalizeCases)('$name', async (nodeCase) => {
    expectOutputs(evaluateNode(nodeCase), await runReference(nodeCase), nodeCase.tolerance);
  });
});
