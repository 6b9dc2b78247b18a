import { test } from 'vitest';
import { useEngine } from '../support/engine.ts';
import { expectAsInOnnxRuntime } from './quantizedRealModels.ts';

const open = useEngine();

test('every code of a quantized classifier is that of ONNX Runtime', async () => {
  await expectAsInOnnxRuntime(await open(), {
    file: 'ch_ppocr_mobile_v2.0_cls_infer',
    shape: [1, 3, 48, 64],
    tolerance: 1e-6,
    leastCodes: 75,
  });
});
