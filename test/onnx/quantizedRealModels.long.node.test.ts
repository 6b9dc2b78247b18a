import { test } from 'vitest';
import { useEngine } from '../support/engine.ts';
import { expectAsInOnnxRuntime } from './quantizedRealModels.ts';

const open = useEngine();

test.each([
  { file: 'ch_ppocr_mobile_v2.0_cls_infer', shape: [1, 3, 48, 192], tolerance: 1e-6, leastCodes: 75 },
  { file: 'ch_PP-OCRv4_det_infer', shape: [1, 3, 160, 224], tolerance: 2e-5, leastCodes: 90 },
  { file: 'ch_PP-OCRv4_rec_infer', shape: [1, 3, 48, 160], tolerance: 2e-5, leastCodes: 60 },
])('every code of the quantized $file is that of ONNX Runtime', async (model) => {
  await expectAsInOnnxRuntime(await open(), model);
});
