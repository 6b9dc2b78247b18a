import { describe, it } from 'vitest';
import { bitsOf } from '../../src/graph/hostTensor.ts';
import { runReference } from '../reference/onnxNode.ts';
import { evaluateNode } from '../support/oneNode.ts';
import { expectOutputs } from './nodeCases.ts';
import { quantizeCases } from './quantizeCases.ts';

describe('by definition as in ONNX Runtime', () => {
  it.each(quantizeCases)('$name', async (nodeCase) => {
    const expected = evaluateNode(nodeCase);
    const isNarrow = expected.some(({ elementType }) => bitsOf(elementType) < 8);
    const wide = expected.map((output) => (isNarrow ? { ...output, elementType: 'int32' as const } : output));
    expectOutputs(wide, await runReference(isNarrow ? { ...nodeCase, castTo: 'int32' } : nodeCase));
  });
});
