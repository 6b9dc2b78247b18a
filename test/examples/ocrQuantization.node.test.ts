import { expect, test } from 'vitest';
import { explain, methods, optionsOf, presets, settled, summarize } from '../../examples/ocr/quantizationChoice.ts';
import { type LayerFormat, LayerTable } from '../../src/graph/quantization/options.ts';

const [, , usual] = presets[0] ?? [];
if (!usual) throw new Error('There are no presets.');

test('presets are free of contradictions, and differ', () => {
  for (const [, , choice] of presets) expect(settled(choice)).toEqual(choice);
  expect(new Set(presets.map(([name]) => name)).size).toBe(presets.length);
  expect(new Set(presets.map(([, , choice]) => JSON.stringify(choice))).size).toBe(presets.length);
});

test('tables are for weights alone, and NF4 has 4 bits', () => {
  expect(settled({ ...usual, weightBits: 3, codes: 'nf4' })).toMatchObject({ weightBits: 4, activationBits: 'float' });
  expect(settled({ ...usual, weightBits: 3, codes: 'codebook' })).toMatchObject({
    weightBits: 3,
    activationBits: 'float',
  });
  expect(settled({ ...usual, weightBits: 3, codes: 'gptq' })).toMatchObject({ weightBits: 3, activationBits: 8 });
});

test('every choice is one that models can be quantized by, and is told in words', () => {
  const layer = { name: 'layer', operator: 'Gemm', domain: '', inputs: [], outputs: [], attributes: new Map() };
  for (const codes of ['nearest', 'gptq', 'descent', 'adaround', 'codebook', 'nf4'] as const) {
    for (const granularity of ['tensor', 'channel', 'group'] as const) {
      for (const weightBits of [2, 4, 7, 8]) {
        for (const activationBits of [4, 8, 'float'] as const) {
          const choice = settled({ ...usual, codes, granularity, weightBits, activationBits });
          const found = new LayerTable([layer], { ...optionsOf(choice), layerInputs: new Map() }).formatOf(layer);
          const expected: Partial<LayerFormat> = {
            bits: choice.weightBits,
            granularity: granularity === 'group' ? { group: 32 } : granularity,
            ...(codes === 'codebook' || codes === 'nf4'
              ? { quantizer: codes }
              : { quantizer: 'uniform', rounding: codes }),
          };
          expect(found).toMatchObject(expected);
          expect(explain(choice)).toContain(`one of ${2 ** choice.weightBits} codes`);
          expect(summarize(choice)).toContain(`${choice.weightBits}-bit weights`);
        }
      }
    }
  }
});

test('ranges matter where there are any', () => {
  const told = methods.map(([method]) => explain({ ...usual, method }));
  expect(new Set(told).size).toBe(6);
  expect(new Set(methods.map(([method]) => explain({ ...usual, method, activationBits: 'float' }))).size).toBe(1);
});
