import { describe, expect, it } from 'vitest';
import type { Graph } from '../../src/graph/graph.ts';
import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import type { NodePlan } from '../../src/graph/plan.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { runFused } from '../reference/qdqModel.ts';
import { createRandom, type Random } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { GraphBuilder, type TensorQuantization } from '../support/graphBuilder.ts';

const open = useEngine();
type CodeType = TensorQuantization['type'];

/** Graphs of random weights, scales and zero points. */
class RandomBuilder extends GraphBuilder {
  readonly type: CodeType;
  readonly #random: Random;

  constructor(type: CodeType, random: Random) {
    super();
    this.type = type;
    this.#random = random;
  }

  /** Of values of about `extent` in magnitude. */
  quantization(extent: number): TensorQuantization {
    const scale = Math.fround((extent * (0.7 + 0.6 * this.#random.uniform())) / 128);
    const middle = this.type === 'int8' ? 0 : 128;
    return { type: this.type, scale, zeroPoint: middle + this.#random.integer(-20, 20) };
  }

  floats(...shape: number[]): string {
    return this.constant(
      'float32',
      shape,
      this.#values(shape, () => 2 * this.#random.uniform() - 1),
    );
  }

  /** int8 codes of one scale for each place on an axis, or of one for all. */
  weightsOf(shape: readonly number[], axis?: number): string {
    const codes = this.#values(shape, () => this.#random.integer(-127, 127));
    const count = axis === undefined ? 1 : (shape[axis] ?? 1);
    const scales = Array.from({ length: count }, () => Math.fround((0.5 + this.#random.uniform()) / 127));
    return this.weights(hostTensor('int8', shape, codes), scales, axis);
  }

  /** An input of uniform numbers in ±`extent`, rounded. */
  given(shape: readonly number[], extent = 2, quantization = this.quantization(extent)): string {
    return this.rounded(this.input(`x${shape}`, 'float32', shape), quantization);
  }

  convolved(x: string, shape: readonly number[], attributes = {}): string {
    const bias = this.floats(shape[0] ?? 0);
    return this.node('Conv', [x, this.weightsOf(shape, 0), bias], { pads: [1, 1, 1, 1], ...attributes });
  }

  #values(shape: readonly number[], make: () => number): number[] {
    return Array.from({ length: shape.reduce((product, length) => product * length, 1) }, make);
  }
}

interface GraphCase {
  readonly name: string;
  /** Operators that compute it with integers. */
  readonly runs: readonly string[];
  /** Gives the float value that is quantized in the end, and about how large it is. */
  readonly build: (b: RandomBuilder) => readonly [string, number];
}

const cases: readonly GraphCase[] = [
  {
    name: 'Conv and Relu',
    runs: ['QLinearConv'],
    build: (b) => [b.node('Relu', [b.convolved(b.given([2, 5, 7, 6]), [9, 5, 3, 3])]), 8],
  },
  {
    name: 'a depthwise convolution, clipped',
    runs: ['QLinearConv'],
    build: (b) => {
      const x = b.convolved(b.given([1, 17, 9, 5]), [17, 1, 3, 3], { group: 17, strides: [2, 1] });
      return [b.node('Clip', [x, b.constant('float32', [], [-1]), b.constant('float32', [], [2])]), 3];
    },
  },
  {
    name: 'a sum of what was convolved and what was given',
    runs: ['QLinearConv', 'QLinearAdd'],
    build: (b) => {
      const x = b.given([1, 4, 6, 6]);
      return [b.node('Add', [b.rounded(b.convolved(x, [4, 4, 3, 3]), b.quantization(8)), x]), 10];
    },
  },
  {
    name: 'x · HardSigmoid(x)',
    runs: ['Lookup'],
    build: (b) => {
      const x = b.given([3, 33], 4);
      return [b.node('Mul', [x, b.node('HardSigmoid', [x], { alpha: 1 / 6 })]), 4];
    },
  },
  {
    name: 'a gate of each channel',
    runs: ['QLinearGlobalAveragePool', 'Lookup', 'QLinearMul'],
    build: (b) => {
      const x = b.given([1, 6, 5, 5]);
      const mean = b.rounded(b.node('GlobalAveragePool', [x]), b.quantization(0.6));
      return [b.node('Mul', [x, b.rounded(b.node('Sigmoid', [mean]), b.quantization(1.2))]), 2];
    },
  },
  {
    name: 'MatMul',
    runs: ['QLinearMatMul'],
    build: (b) => [b.node('MatMul', [b.given([3, 5, 19]), b.weightsOf([19, 7], 1)]), 8],
  },
  {
    name: 'Gemm',
    runs: ['QGemm'],
    build: (b) => [b.node('Gemm', [b.given([5, 19]), b.weightsOf([7, 19]), b.floats(7)], { transB: 1 }), 8],
  },
  {
    name: 'pools',
    runs: ['MaxPool', 'QLinearAveragePool'],
    build: (b) => {
      const quantization = b.quantization(2);
      const attributes = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };
      const pooled = b.node('MaxPool', [b.given([1, 3, 9, 8], 2, quantization)], attributes);
      const x = b.rounded(pooled, quantization);
      return [b.node('AveragePool', [x], { kernel_shape: [2, 2] }), 2];
    },
  },
  {
    name: 'a Concat of several scales',
    runs: ['Lookup', 'Concat'],
    build: (b) => [b.node('Concat', [b.given([1, 3, 4, 4], 1), b.given([1, 5, 4, 4], 3)], { axis: 1 }), 3],
  },
];

function feedsOf(graph: Graph, random: Random): Record<string, HostTensor> {
  return Object.fromEntries(
    graph.inputs.map(({ name, dimensions = [] }) => {
      const shape = dimensions.map(Number);
      const length = shape.reduce((product, axis) => product * axis, 1);
      const values = Float32Array.from({ length }, () => 4 * random.uniform() - 2);
      return [name, hostTensor('float32', shape, values)];
    }),
  );
}

/** The result of a graph of one output, and how its nodes are computed. */
async function run(
  graph: Graph,
  feeds: Record<string, HostTensor>,
): Promise<{ found: HostTensor; nodes: readonly NodePlan[] }> {
  using model = new Model(await open(), graph, operators);
  const [output] = model.run(feeds).values();
  const found = await output?.read();
  output?.dispose();
  if (!found) throw new Error('There is no output.');
  return { found, nodes: model.plan(feeds) };
}

describe.each(['uint8', 'int8'] as const)('%s codes are those of ONNX Runtime', (type) => {
  it.each(cases)('$name', async ({ name, runs, build }) => {
    const random = createRandom(name.length + (type === 'int8' ? 1000 : 0));
    const b = new RandomBuilder(type, random);
    const [value, extent] = build(b);
    const quantization = b.quantization(extent);
    const graph = b.graph([b.quantize(value, quantization)]);
    const feeds = feedsOf(graph, random);
    const { found, nodes } = await run(graph, feeds);
    const [expected] = (await runFused(graph, feeds)).values();
    const names = nodes.filter(({ place }) => place === 'gpu').map(({ operator }) => operator);
    expect(new Set(names)).toEqual(new Set(['QuantizeLinear', ...runs]));
    expect([found.elementType, found.shape]).toEqual([type, expected?.shape]);
    expect(Array.from(found.data)).toEqual(Array.from(expected?.data ?? []));
  });
});

describe('a chain of quantized layers', () => {
  const chain = (): Graph => {
    const b = new RandomBuilder('uint8', createRandom(5));
    const x = b.given([1, 3, 12, 12]);
    const stem = b.rounded(b.node('Relu', [b.convolved(x, [8, 3, 3, 3], { strides: [2, 2] })]), b.quantization(8));
    const gate = b.rounded(b.node('HardSigmoid', [stem]), b.quantization(1.2));
    const swish = b.rounded(b.node('Mul', [stem, gate]), b.quantization(8));
    const deep = b.rounded(b.convolved(swish, [8, 1, 3, 3], { group: 8 }), b.quantization(16));
    const sum = b.rounded(b.node('Add', [swish, deep]), b.quantization(16));
    const pooled = b.node('MaxPool', [sum], { kernel_shape: [2, 2], strides: [2, 2] });
    const joined = b.rounded(b.node('Concat', [pooled, pooled], { axis: 1 }), b.quantization(16));
    const mean = b.rounded(b.node('GlobalAveragePool', [joined]), b.quantization(8));
    const dense = b.node('Gemm', [b.node('Flatten', [mean]), b.weightsOf([16, 5]), b.floats(5)]);
    return b.graph([b.rounded(dense, b.quantization(8))]);
  };

  it('holds codes from the first QuantizeLinear to the last DequantizeLinear', async () => {
    const graph = chain();
    const feeds = feedsOf(graph, createRandom(6));
    const { found, nodes } = await run(graph, feeds);
    const onGpu = nodes.filter(({ place }) => place === 'gpu');
    expect(onGpu.at(0)?.operator).toBe('QuantizeLinear');
    expect(onGpu.at(-1)?.operator).toBe('DequantizeLinear');
    for (const { node, outputs } of onGpu.slice(0, -1)) {
      expect(
        outputs.map(({ elementType }) => elementType),
        node,
      ).toEqual(['uint8']);
    }
    const [expected] = (await runFused(graph, feeds)).values();
    expect(Array.from(found.data)).toEqual(Array.from(expected?.data ?? []));
  });

  it('takes no memory when it runs again', async () => {
    const engine = await open();
    const graph = chain();
    const feeds = feedsOf(graph, createRandom(7));
    using model = new Model(engine, graph, operators);
    const once = async (): Promise<HostTensor | undefined> => {
      const [output] = model.run(feeds).values();
      const value = await output?.read();
      output?.dispose();
      return value;
    };
    const first = await once();
    const { live, peak } = engine.memory;
    expect((await once())?.data).toEqual(first?.data);
    expect([engine.memory.live, engine.memory.peak]).toEqual([live, peak]);
  });

  it('agrees with the definitions of its nodes', async () => {
    const graph = chain();
    using model = new Model(await open(), graph, operators);
    const report = await model.selfCheck(feedsOf(graph, createRandom(8)));
    expect(report.nodes.map(({ outputs }) => outputs[0]?.absoluteError)).toEqual(report.nodes.map(() => 0));
  });
});
