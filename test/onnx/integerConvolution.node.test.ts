import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/graph/hostTensor.ts';
import { runReference } from '../reference/onnxNode.ts';
import { evaluateNode } from '../support/oneNode.ts';
import { convIntegerCases, qLinearConvCases } from './integerConvolutionCases.ts';
import { expectOutputs, type NamedCase } from './nodeCases.ts';
import { sumsOfQLinearConv } from './qLinearConvSums.ts';

/** Distance of an exact result from the nearest tie of rounding, by how far float32 arithmetic may move it. */
function nearTie(value: number): boolean {
  const fromTie = Math.abs(value - Math.floor(value) - 0.5);
  // The sum, its product and the zero point that is added before the rounding: three roundings, up to 2⁸ in size.
  return fromTie <= Math.abs(value) * 2 ** -23 + 2 ** -16;
}

describe('by definition as in ONNX Runtime', () => {
  it.each(convIntegerCases)('$name', async (nodeCase) => {
    expectOutputs(evaluateNode(nodeCase), await runReference(nodeCase));
  });

  it.each(qLinearConvCases)('$name, but for ties', async (nodeCase: NamedCase) => {
    const [ours] = evaluateNode(nodeCase) as [HostTensor];
    const [theirs] = (await runReference(nodeCase)) as [HostTensor];
    expect(theirs).toMatchObject({ elementType: ours.elementType, shape: [...ours.shape] });
    const results = sumsOfQLinearConv(nodeCase);
    expect(new Set(ours.data).size).toBeGreaterThan(50);
    for (const [index, code] of Array.from(theirs.data).entries()) {
      const difference = Math.abs(code - (ours.data[index] ?? Number.NaN));
      if (difference === 0) continue;
      expect(difference).toBe(1);
      expect(nearTie(results[index] ?? 0)).toBe(true);
    }
  });
});
