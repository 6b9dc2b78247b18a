import { describe, expect, it } from 'vitest';
import { broadcastShapes, forEachBroadcast } from '../../src/nn/broadcast.ts';
import { runReference } from '../reference/onnxNode.ts';
import { evaluateNode } from '../support/oneNode.ts';
import type { NamedCase } from './nodeCases.ts';
import { quantizedBinaryCases, quantizedUnaryCases } from './quantizedElementwiseCases.ts';

/** Codes before they are rounded, without the zero point. */
function exactCodes({ operator, inputs }: NamedCase): number[] {
  const number = (index: number): number => inputs[index]?.data[0] ?? 0;
  const [a, b] = [inputs[0], inputs[3]];
  if (!a || !b) return [];
  const codes: number[] = [];
  forEachBroadcast(broadcastShapes(a.shape, b.shape), [a.shape, b.shape], ([p = 0, q = 0]) => {
    const [x, y] = [((a.data[p] ?? 0) - number(2)) * number(1), ((b.data[q] ?? 0) - number(5)) * number(4)];
    codes.push((operator.name === 'QLinearAdd' ? x + y : x * y) / number(6));
  });
  return codes;
}

describe('by definition as in ONNX Runtime', () => {
  it.each(quantizedBinaryCases)('$name', async (nodeCase) => {
    const [ours] = evaluateNode(nodeCase);
    const [theirs] = await runReference(nodeCase);
    expect(ours?.shape).toEqual([...(theirs?.shape ?? [])]);
    const exact = exactCodes(nodeCase);
    const differing = exact.flatMap((code, index) => {
      const difference = Math.abs((ours?.data[index] ?? 0) - (theirs?.data[index] ?? 0));
      // It computes in float32: only next to a tie may that round to the other side.
      const distance = Math.abs(Math.abs(code % 1) - 0.5);
      return difference === 0 || (difference === 1 && distance < 1e-4) ? [] : [{ index, code, difference }];
    });
    expect(differing).toEqual([]);
  });

  it.each(quantizedUnaryCases)('$name', async (nodeCase) => {
    const [theirs] = await runReference(nodeCase);
    expect(Array.from(evaluateNode(nodeCase)[0]?.data ?? [])).toEqual(Array.from(theirs?.data ?? []));
  });
});
