import { describe, expect, it } from 'vitest';
import { InvalidInput, InvalidQuantization, ShapeMismatch } from '../../src/base/errors.ts';
import { dequantizeLinear, dynamicQuantizeLinear, quantizeLinear } from '../../src/quant/onnx.ts';
import * as reference from '../reference/quant.ts';
import { createRandom } from '../reference/random.ts';
import { leavesNoMemoryBehind, useEngine } from '../support/engine.ts';

const open = useEngine();

describe('vectors of the ONNX backend tests', () => {
  it('QuantizeLinear u8', async () => {
    const engine = await open();
    using x = engine.tensor(Float32Array.of(0, 2, 3, 1000, -254, -1000), [6]);
    using scale = engine.tensor(Float32Array.of(2), []);
    using zeroPoint = engine.tensor(Uint8Array.of(128), []);
    using y = quantizeLinear(engine, x, scale, zeroPoint);
    expect(await y.read()).toEqual(Uint8Array.of(128, 129, 130, 255, 1, 0));
  });

  it('DynamicQuantizeLinear', async () => {
    const engine = await open();
    using x = engine.tensor(Float32Array.of(0, 2, -3, -2.5, 1.34, 0.5), [6]);
    const { y, scale, zeroPoint } = dynamicQuantizeLinear(engine, x);
    expect(await scale.read()).toEqual(Float32Array.of(0.019607844));
    expect(await zeroPoint.read()).toEqual(Uint8Array.of(153));
    expect(await y.read()).toEqual(Uint8Array.of(153, 255, 0, 26, 221, 179));
    for (const tensor of [y, scale, zeroPoint]) tensor.dispose();
  });

  it('DequantizeLinear in blocks', async () => {
    const engine = await open();
    using x = engine.tensor(Int8Array.of(10, 20, 30, 40, 50, 60, 70, 80), [8]);
    using scale = engine.tensor(Float32Array.of(0.5, 2), [2]);
    using zeroPoint = engine.tensor(Int8Array.of(0, 10), [2]);
    using y = dequantizeLinear(engine, x, scale, zeroPoint, { axis: 0, blockSize: 4 });
    expect(await y.read()).toEqual(Float32Array.of(5, 10, 15, 20, 80, 100, 120, 140));
  });
});

describe('the operators', () => {
  it.each([
    { name: 'per tensor', scaleShape: [1], axis: 1, blockSize: 0 },
    { name: 'first axis', scaleShape: [3], axis: 0, blockSize: 0 },
    { name: 'middle axis, the default', scaleShape: [5], axis: 1, blockSize: 0 },
    { name: 'last axis from the back', scaleShape: [19], axis: -1, blockSize: 0 },
    { name: 'blocks of 2 on the middle axis', scaleShape: [3, 3, 19], axis: 1, blockSize: 2 },
    { name: 'blocks of 8 on the last axis', scaleShape: [3, 5, 3], axis: 2, blockSize: 8 },
  ])('$name: as the reference, and there and back', async ({ scaleShape, axis, blockSize }) => {
    const engine = await open();
    const random = createRandom(axis + 7 * blockSize + 50);
    const shape = [3, 5, 19];
    const resolved = scaleShape.length === 1 && scaleShape[0] === 1 ? undefined : (axis + 3) % 3;
    const { indices, parameterCount } = reference.parameterIndices(shape, resolved, blockSize || undefined);
    const scales = random.uniformArray(parameterCount, 0.01, 0.03);
    const values = random.normalArray(indices.length);
    using x = engine.tensor(values, shape);
    using scale = engine.tensor(scales, scaleShape);
    for (const signed of [true, false]) {
      const { low, high } = reference.integerRange({ bits: 8, signed });
      const zeroPoints = random.integerArray(parameterCount, low, high);
      const parameters = { bits: 8, signed, scales, zeroPoints, indices };
      using zeroPoint = signed
        ? engine.tensor(Int8Array.from(zeroPoints), scaleShape)
        : engine.tensor(Uint8Array.from(zeroPoints), scaleShape);
      using y = quantizeLinear(engine, x, scale, zeroPoint, { axis, blockSize });
      using back = dequantizeLinear(engine, y, scale, zeroPoint, { axis, blockSize });
      const codes = reference.quantizeLinear(values, parameters);
      expect(y.dtype).toBe(signed ? 'int8' : 'uint8');
      expect(Int32Array.from(await y.read())).toEqual(codes);
      expect(await back.read()).toEqual(reference.dequantizeLinear(codes, parameters));
    }
  });

  it('without a zero point it is 0, and the type is chosen', async () => {
    const engine = await open();
    using x = engine.tensor(Float32Array.of(-3, 2.5, 300), [3]);
    using scale = engine.tensor(Float32Array.of(1), []);
    using unsigned = quantizeLinear(engine, x, scale);
    using signed = quantizeLinear(engine, x, scale, undefined, { outputType: 'int8' });
    using back = dequantizeLinear(engine, signed, scale);
    expect(await unsigned.read()).toEqual(Uint8Array.of(0, 2, 255));
    expect(await signed.read()).toEqual(Int8Array.of(-3, 2, 127));
    expect(await back.read()).toEqual(Float32Array.of(-3, 2, 127));
  });

  it('dequantizes int32, rounded to a float first', async () => {
    const engine = await open();
    const integers = Int32Array.of(0, 1, -1, 16777217, 16777219, -33554435, 2147483647, -2147483648);
    const scales = Float32Array.of(0.1, 3e-39, 1.7e30, 1e-44);
    for (const value of scales) {
      using x = engine.tensor(integers, [8]);
      using scale = engine.tensor(Float32Array.of(value), []);
      using y = dequantizeLinear(engine, x, scale);
      expect(await y.read()).toEqual(reference.dequantizeLinear(integers, { scales: [value] }));
    }
  });

  it.each([
    { name: 'zeros', values: new Float32Array(5), scale: 1, zeroPoint: 0 },
    { name: 'nothing', values: new Float32Array(0), scale: 1, zeroPoint: 0 },
    { name: 'one positive number', values: Float32Array.of(3), scale: Math.fround(3 / 255), zeroPoint: 0 },
    { name: 'one negative number', values: Float32Array.of(-3), scale: Math.fround(3 / 255), zeroPoint: 255 },
  ])('DynamicQuantizeLinear of $name', async ({ values, scale, zeroPoint }) => {
    const engine = await open();
    using x = engine.tensor(values, [values.length]);
    const result = dynamicQuantizeLinear(engine, x);
    expect(await result.scale.read()).toEqual(Float32Array.of(scale));
    expect(await result.zeroPoint.read()).toEqual(Uint8Array.of(zeroPoint));
    expect(Int32Array.from(await result.y.read())).toEqual(reference.dynamicQuantizeLinear(values).codes);
    for (const tensor of [result.y, result.scale, result.zeroPoint]) tensor.dispose();
  });

  it('has typed errors', async () => {
    const engine = await open();
    using x = engine.tensor(Float32Array.of(1, Number.NaN), [1, 2]);
    using scale = engine.tensor(Float32Array.of(1, 2, 3), [3]);
    expect(() => quantizeLinear(engine, x, scale)).toThrow(ShapeMismatch);
    expect(() => quantizeLinear(engine, x, scale)).toThrow(/shape \[3\].*shape \[1,2\].*shape \[2\]/);
    using one = engine.tensor(Float32Array.of(1), []);
    using signed = engine.tensor(Int8Array.of(1), []);
    using two = engine.tensor(Uint8Array.of(1, 2), [2]);
    expect(() => quantizeLinear(engine, x, one, two)).toThrow(ShapeMismatch);
    expect(() => dequantizeLinear(engine, two, one, signed)).toThrow(InvalidQuantization);

    using y = quantizeLinear(engine, x, one);
    await expect(y.read()).rejects.toThrow(InvalidInput);
    await expect(y.read()).rejects.toThrow(/Element 1 /);
    const { y: codes, scale: found, zeroPoint } = dynamicQuantizeLinear(engine, x);
    for (const tensor of [codes, found, zeroPoint]) {
      await expect(tensor.read()).rejects.toThrow(/Element 1 /);
      tensor.dispose();
    }
    for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      using badScale = engine.tensor(Float32Array.of(bad), []);
      using result = dequantizeLinear(engine, two, badScale);
      await expect(result.read()).rejects.toThrow(InvalidQuantization);
    }
  });

  leavesNoMemoryBehind(open);
});
