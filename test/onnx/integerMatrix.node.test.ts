import { describe, expect, it } from 'vitest';
import { integerRange } from '../../src/graph/hostTensor.ts';
import { runReference } from '../reference/onnxNode.ts';
import { evaluateNode } from '../support/oneNode.ts';
import { integerMatrixCases } from './integerMatrixCases.ts';
import { expectOutputs } from './nodeCases.ts';

describe('by definition as in ONNX Runtime', () => {
  it.each(integerMatrixCases)('$name', async (nodeCase) => {
    const [found] = evaluateNode(nodeCase);
    const [wanted] = await runReference(nodeCase);
    if (!found || !wanted) throw new Error('There is no result.');
    const isCode = integerRange(found.elementType) !== undefined && found.elementType !== 'int32';
    if (!isCode) return expectOutputs([found], [wanted], nodeCase.tolerance);
    expect(found.shape).toEqual(wanted.shape);
    expect(Array.from(found.data)).toEqual(Array.from(wanted.data));
  });
});
