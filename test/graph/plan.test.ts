import { expect, it } from 'vitest';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { OperatorTable } from '../../src/graph/operator.ts';
import { Add } from '../../src/onnx/operators/binary.ts';
import { useEngine } from '../support/engine.ts';
import { oneNodeGraph } from '../support/oneNode.ts';

const open = useEngine();

it('a disposed model leaves nothing on the GPU', async () => {
  const engine = await open();
  const before = engine.memory.live;
  const inputs = [hostTensor('float32', [3], [1, 2, 3]), hostTensor('float32', [1], [1])];
  const nodeCase = { operator: Add, inputs, constants: [1] };
  const model = new Model(engine, oneNodeGraph(nodeCase), new OperatorTable([Add]));
  for (let run = 0; run < 2; run++) {
    const [sum] = model.run({ input0: hostTensor('float32', [3], [1, 2, 3]) }).values();
    expect([...((await sum?.read())?.data ?? [])]).toEqual([2, 3, 4]);
    sum?.dispose();
  }
  expect(engine.memory.live).toBeGreaterThan(before);
  model.dispose();
  expect(engine.memory.live).toBe(before);
});
