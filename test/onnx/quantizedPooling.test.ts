import { describe, expect, it } from 'vitest';
import { MalformedModel } from '../../src/base/errors.ts';
import { QLinearGlobalAveragePool } from '../../src/onnx/operators/quantizedPooling.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode } from '../support/oneNode.ts';
import { expectInBothOrders } from './channelsLastCases.ts';
import { expectOnGpu, randomTensor } from './nodeCases.ts';
import { quantizedPoolingCases } from './quantizedPoolingCases.ts';

const open = useEngine();

describe('on the GPU as by definition', () => {
  it.each(quantizedPoolingCases)('$name', async (nodeCase) => {
    const engine = await open();
    await expectOnGpu(engine, nodeCase);
    await expectInBothOrders(engine, nodeCase, nodeCase.attributes?.channels_last !== 1);
  });
});

it('needs planes with elements', () => {
  const [first] = quantizedPoolingCases;
  const inputs = (first?.inputs ?? []).with(0, randomTensor('uint8', [1, 3, 0, 2]));
  expect(() => evaluateNode({ ...first, operator: QLinearGlobalAveragePool, attributes: {}, inputs })).toThrow(
    MalformedModel,
  );
});
