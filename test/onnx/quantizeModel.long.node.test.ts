import { expect, test } from 'vitest';
import { calibrate } from '../../src/graph/calibrate.ts';
import { Model } from '../../src/graph/model.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { quantizeModel } from '../../src/onnx/quantizeModel.ts';
import { useEngine } from '../support/engine.ts';
import { inputs, network, ratio, runOrt } from './quantizedNetwork.ts';

const open = useEngine();

test.each([{ signed: false }, { signed: true }])(
  'a quantized network is as in ONNX Runtime, signed $signed',
  async (activations) => {
    const engine = await open();
    using model = new Model(engine, network, operators);
    const statistics = await calibrate(
      model,
      inputs(4).map((x) => ({ x })),
    );
    const made = quantizeModel(model, statistics, { activations });
    using quantized = made.model;
    for (const x of inputs(3)) {
      const [output] = quantized.run({ x }).values();
      const found = (await output?.read())?.data ?? [];
      output?.dispose();
      // The same codes; softmax rounds otherwise.
      expect(ratio(await runOrt(made.toOnnx(), x), found)).toBeGreaterThan(80);
    }
    const integer = quantized.graph.nodes.filter(({ operator }) =>
      /^(QLinearConv|QGemm|.*IntegerToFloat)$/.test(operator),
    );
    expect(integer).toHaveLength(4);
  },
);
