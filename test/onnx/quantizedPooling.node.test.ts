import { expect, it } from 'vitest';
import { runReference } from '../reference/onnxNode.ts';
import { evaluateNode } from '../support/oneNode.ts';
import { quantizedPoolingCases } from './quantizedPoolingCases.ts';

// In ONNX Runtime only uint8 is averaged in windows.
const known = quantizedPoolingCases.filter(({ name }) => !name.startsWith('QLinearAveragePool of int8'));

it.each(known)('as in ONNX Runtime: $name', async (nodeCase) => {
  const [theirs] = await runReference(nodeCase);
  const [ours] = evaluateNode(nodeCase);
  expect([...(theirs?.shape ?? [])]).toEqual(ours?.shape);
  expect(Array.from(ours?.data ?? [])).toEqual(Array.from(theirs?.data ?? []));
});
