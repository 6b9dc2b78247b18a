import { it } from 'vitest';
import { runReference } from '../reference/onnxNode.ts';
import { evaluateNode } from '../support/oneNode.ts';
import { expectOutputs } from './nodeCases.ts';
import { quantizedConcatCase } from './quantizedConcatCases.ts';

it.each(['int8', 'uint8'] as const)('QLinearConcat of %s as in ONNX Runtime', async (elementType) => {
  const nodeCase = quantizedConcatCase(elementType);
  expectOutputs(evaluateNode(nodeCase), await runReference(nodeCase));
});
