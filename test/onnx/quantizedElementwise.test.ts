import { describe, expect, it } from 'vitest';
import { MalformedModel } from '../../src/base/errors.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { BoundedAdd, Lookup, QLinearAdd } from '../../src/onnx/operators/quantizedElementwise.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode } from '../support/oneNode.ts';
import { expectInBothOrders } from './channelsLastCases.ts';
import { expectOnGpu, randomTensor } from './nodeCases.ts';
import { quantizedBinaryCases, quantizedUnaryCases } from './quantizedElementwiseCases.ts';

const open = useEngine();
const table = hostTensor(
  'uint8',
  [256],
  Array.from({ length: 256 }, (_, index) => (index * 7 + 3) & 255),
);

describe('on the GPU as by definition', () => {
  it.each([...quantizedBinaryCases, ...quantizedUnaryCases])('$name', async (nodeCase) => {
    await expectOnGpu(await open(), nodeCase);
  });

  it('in the order that the input is held in', async () => {
    const engine = await open();
    for (const channels of [1, 15, 33]) {
      const x = randomTensor('int8', [2, channels, 3, 5], channels);
      await expectInBothOrders(engine, { name: 'Lookup', operator: Lookup, attributes: { table }, inputs: [x] });
    }
    for (const nodeCase of quantizedBinaryCases.filter(({ name }) => name.includes('int8'))) {
      await expectInBothOrders(engine, nodeCase);
      await expectInBothOrders(engine, { ...nodeCase, constants: [1, 2, 3, 4, 5, 6, 7] });
    }
  });
});

describe('by definition', () => {
  it('Lookup counts from the lowest code', () => {
    const inputs = [hostTensor('int8', [3], [-128, 0, 127])];
    const [y] = evaluateNode({ operator: Lookup, attributes: { table }, inputs });
    expect(y).toMatchObject({ elementType: 'uint8', shape: [3] });
    expect(Array.from(y?.data ?? [])).toEqual([3, (128 * 7 + 3) & 255, (255 * 7 + 3) & 255]);
  });

  it('keeps the bounds of cuanta.QLinearAdd', () => {
    const [first] = quantizedBinaryCases;
    if (!first) throw new Error('There is no case.');
    const attributes = { lowest_code: -12, highest_code: 20 };
    const [bounded] = evaluateNode({ ...first, operator: BoundedAdd, attributes });
    const [whole] = evaluateNode(first);
    const expected = Array.from(whole?.data ?? [], (code) => Math.min(Math.max(code, -12), 20));
    expect(Array.from(bounded?.data ?? [])).toEqual(expected);
    expect(Math.min(...(whole?.data ?? []))).toBeLessThan(-12);
  });

  it('refuses scales and types that make no sense', () => {
    const [first] = quantizedBinaryCases;
    const changed = (index: number, value: number, elementType: 'float32' | 'uint8') => ({
      ...first,
      operator: QLinearAdd,
      inputs: (first?.inputs ?? []).with(index, hostTensor(elementType, [], [value])),
    });
    expect(() => evaluateNode(changed(1, 0, 'float32'))).toThrow(MalformedModel);
    expect(() => evaluateNode(changed(2, 3, 'uint8'))).toThrow(MalformedModel);
    expect(() => evaluateNode(changed(0, 3, 'float32'))).toThrow(MalformedModel);
    const short = hostTensor('uint8', [4], [1, 2, 3, 4]);
    expect(() => evaluateNode({ operator: Lookup, attributes: { table: short }, inputs: [short] })).toThrow(
      MalformedModel,
    );
  });
});
