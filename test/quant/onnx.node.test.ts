import { TensorProto_DataType } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { dequantizeLinear, dynamicQuantizeLinear, quantizeLinear } from '../../src/quant/onnx.ts';
import { runOperator } from '../reference/onnxRuntime.ts';
import { integerRange } from '../reference/quant.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const { FLOAT, INT8, UINT8 } = TensorProto_DataType;
const open = useEngine();

describe('against ONNX Runtime', () => {
  const cases = [
    { name: 'per tensor', shape: [4, 251], scaleShape: [], axis: 1, blockSize: 0, largest: 3e38 },
    { name: 'per channel', shape: [6, 5, 7], scaleShape: [5], axis: 1, blockSize: 0, largest: 3e38 },
    { name: 'blocked on the last axis', shape: [6, 35], scaleShape: [6, 3], axis: 1, blockSize: 16, largest: 3e38 },
    // Here ONNX Runtime adds the zero point in int32, and a quotient of 2^31 overflows instead of saturating.
    { name: 'blocked on the first axis', shape: [35, 6], scaleShape: [3, 6], axis: 0, blockSize: 16, largest: 1e5 },
  ];

  it.each(cases)(
    'QuantizeLinear and DequantizeLinear $name',
    async ({ shape, scaleShape, axis, blockSize, largest }) => {
      const engine = await open();
      const random = createRandom(20261123 + blockSize);
      const count = shape.reduce((product, length) => product * length, 1);
      const scaleCount = scaleShape.reduce((product, length) => product * length, 1);
      const attributes = { axis, block_size: blockSize };
      for (const signed of [true, false]) {
        const type = signed ? INT8 : UINT8;
        const { low, high } = integerRange({ bits: 8, signed });
        const scales = random.uniformArray(scaleCount, 1e-3, 0.1);
        const zeroPoints = random.integerArray(scaleCount, low, high);
        // Half of the numbers are halves of some scale, where ties are.
        const values = random.floatBitsArray(count, true).map((value, index) => {
          const half = (random.integer(low, high) + 0.5) * (scales[index % scaleCount] ?? 1);
          return index % 2 === 0 ? Math.max(-largest, Math.min(value, largest)) : half;
        });
        const scaleOperand = { type: FLOAT, data: scales, shape: scaleShape };
        const zeroPointOperand = { type, data: zeroPoints, shape: scaleShape };
        const operands = [{ type: FLOAT, data: values, shape }, scaleOperand, zeroPointOperand];
        const [codes = []] = await runOperator('QuantizeLinear', operands, [type], attributes);

        using x = engine.tensor(values, shape);
        using scale = engine.tensor(scales, scaleShape);
        using zeroPoint = signed
          ? engine.tensor(Int8Array.from(zeroPoints), scaleShape)
          : engine.tensor(Uint8Array.from(zeroPoints), scaleShape);
        using y = quantizeLinear(engine, x, scale, zeroPoint, { axis, blockSize });
        expect([...(await y.read())]).toEqual(codes);

        const back = [{ type, data: codes, shape }, scaleOperand, zeroPointOperand];
        const [floats] = await runOperator('DequantizeLinear', back, [FLOAT], attributes);
        using restored = dequantizeLinear(engine, y, scale, zeroPoint, { axis, blockSize });
        expect([...(await restored.read())]).toEqual(floats);
      }
    },
  );

  it('DynamicQuantizeLinear', async () => {
    const engine = await open();
    const random = createRandom(20261124);
    const inputs = [
      random.normalArray(1000),
      random.normalArray(1000, 7, 2),
      random.uniformArray(77, -3, -1),
      random.uniformArray(100, -1e-40, 1e-39),
      random.floatBitsArray(500, true).map((value) => value * 0.25),
      new Float32Array(5).fill(-0),
    ];
    for (const values of inputs) {
      const operand = { type: FLOAT, data: values, shape: [values.length] };
      const [codes, scale, zeroPoint] = await runOperator('DynamicQuantizeLinear', [operand], [UINT8, FLOAT, UINT8]);
      using x = engine.tensor(values, [values.length]);
      const result = dynamicQuantizeLinear(engine, x);
      expect([...(await result.scale.read())]).toEqual(scale);
      expect([...(await result.zeroPoint.read())]).toEqual(zeroPoint);
      expect([...(await result.y.read())]).toEqual(codes);
      for (const tensor of [result.y, result.scale, result.zeroPoint]) tensor.dispose();
    }
  });
});
