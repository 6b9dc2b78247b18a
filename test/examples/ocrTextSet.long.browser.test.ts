import { afterAll, describe, expect, test } from 'vitest';
import { assets } from '../../examples/data/assets.ts';
import { bytesAt } from '../../examples/data/fetchBytes.ts';
import { agreement } from '../../examples/ocr/difference.ts';
import { drawnSet } from '../../examples/ocr/drawnSet.ts';
import { wholeOf } from '../../examples/ocr/picture.ts';
import { readPicture } from '../../examples/ocr/reader.ts';
import { readKeys } from '../../examples/ocr/recognition.ts';
import { drawLine, drawPage, textLines, textPage } from '../../examples/ocr/textSet.ts';
import type { DrawnSet } from '../../src/cli/jobs/evaluateModel.ts';
import { type Engine, evaluate, loadOnnx, type Model } from '../../src/index.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine({ poison: false });
const models = new Map<string, Model>();

async function model(engine: Engine, role: 'detector' | 'classifier' | 'recogniser'): Promise<Model> {
  const found = models.get(role) ?? (await loadOnnx(engine, await bytesAt(assets.ocr[role])));
  models.set(role, found);
  return found;
}

async function readAll(engine: Engine, picture: ImageData): Promise<string[]> {
  const keys = readKeys(new TextDecoder().decode(await bytesAt(assets.ocr.keys)));
  const { lines } = await readPicture(
    {
      detector: await model(engine, 'detector'),
      classifier: await model(engine, 'classifier'),
      recogniser: await model(engine, 'recogniser'),
    },
    keys,
    picture,
  );
  return lines.map(({ reading }) => reading.text);
}

afterAll(() => {
  for (const one of models.values()) one.dispose();
});

describe('drawn text', () => {
  test('of 20 lines on pages of 5, at least 18 are read exactly, and at most one character in 50 is wrong', async () => {
    const engine = await open();
    const [expected, found] = [[] as string[], [] as string[]];
    for (const seed of [1, 2, 3, 4]) {
      const page = textPage(5, seed);
      expected.push(...page.lines.map(({ text }) => text));
      found.push(...(await readAll(engine, drawPage(page))));
    }
    const { exact, characterErrorRate } = agreement(expected, found);
    expect(exact, JSON.stringify([expected, found])).toBeGreaterThanOrEqual(18);
    expect(characterErrorRate).toBeLessThan(0.02);
  }, 300_000);

  test('single lines are pictures of one line, dark on white', () => {
    for (const line of textLines(16, 5)) {
      const picture = drawLine(line);
      const [, , end] = wholeOf(picture);
      expect(end.y / line.size).toBeCloseTo(1.6, 1);
      const darkest = picture.data.reduce((least, value) => Math.min(least, value), 255);
      expect(darkest).toBeLessThan(120);
      // Nothing touches the edge.
      const edge = [...picture.data.subarray(0, 4 * picture.width), ...picture.data.subarray(-4 * picture.width)];
      expect(edge.every((value) => value === 255)).toBe(true);
    }
  });

  test.each([
    { kind: 'ocr', role: 'recogniser', samples: 6, right: 5 },
    { kind: 'ocr-directions', role: 'classifier', samples: 8, right: 8 },
  ] as const)(
    'the set $kind has the labels that the $role gives',
    async ({ kind, role, samples, right }) => {
      const engine = await open();
      const one = await model(engine, role);
      const set: DrawnSet = { kind, samples, seed: 3 };
      const found = await evaluate(one, one, drawnSet(set, 'x', await bytesAt(assets.ocr.keys)));
      expect(found.samples).toBe(samples);
      expect(found.agreement.count).toBe(samples);
      expect(found.float.correct.count, JSON.stringify(found)).toBeGreaterThanOrEqual(right);
    },
    120_000,
  );

  test('a set to read needs the characters, and those of its model', async () => {
    expect(() => drawnSet({ kind: 'ocr', samples: 1, seed: 1 }, 'x', undefined)).toThrow(/--keys/);
    const engine = await open();
    const one = await model(engine, 'classifier');
    const few = new TextEncoder().encode('a\nb\n');
    const set = drawnSet({ kind: 'ocr', samples: 1, seed: 1 }, 'x', few);
    await expect(
      evaluate(one, one, { ...set, batches: drawnSet({ kind: 'ocr-directions', samples: 1, seed: 1 }, 'x').batches }),
    ).rejects.toThrow(/for 4 classes/);
  });
});
