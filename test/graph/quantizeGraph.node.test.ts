import { describe, expect, test } from 'vitest';
import { InvalidInput, InvalidQuantization } from '../../src/base/errors.ts';
import { elementCount } from '../../src/base/shape.ts';
import { rangesOf } from '../../src/calib/rangesOf.ts';
import type { CalibrationStatistics } from '../../src/calib/statistics.ts';
import type { Attribute, Graph, GraphNode } from '../../src/graph/graph.ts';
import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import type { QuantizeModelOptions } from '../../src/graph/quantization/options.ts';
import { type QuantizedGraph, quantizeGraph } from '../../src/graph/quantization/quantizeGraph.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { createRandom } from '../reference/random.ts';

/** `operator input,input -> output`, with attributes. */
function node(text: string, attributes: Readonly<Record<string, Attribute>> = {}): GraphNode {
  const [operator = '', inputs = '', , output = ''] = text.split(' ');
  return {
    name: `${operator} ${output}`,
    domain: '',
    operator,
    inputs: inputs.split(','),
    outputs: output.split(','),
    attributes: new Map(Object.entries(attributes)),
  };
}

const random = createRandom(5);
const weights = (...shape: number[]): HostTensor => {
  return hostTensor('float32', shape, random.uniformArray(elementCount(shape), -1, 1));
};
const scalar = (value: number): HostTensor => hostTensor('float32', [], [value]);

const constants: Readonly<Record<string, HostTensor>> = {
  w: weights(4, 4, 1, 1),
  b: weights(4),
  m: weights(4, 6),
  row: weights(6),
  three: scalar(3),
  zero: scalar(0),
  six: scalar(6),
};

function graphOf(nodes: readonly GraphNode[], output: string, opset = 13): Graph {
  const untyped = { elementType: undefined, dimensions: undefined };
  return {
    name: 'graph',
    inputs: [{ name: 'x', elementType: 'float32', dimensions: [1, 4, 5, 5] }],
    outputs: [{ name: output, ...untyped }],
    nodes,
    initializers: new Map(Object.entries(constants)),
    opsets: new Map([['', opset]]),
  };
}

/** All values from −1 to 2, or from −1 to what is given. */
function statisticsOf(
  nodes: readonly GraphNode[],
  maxima: Readonly<Record<string, number>> = {},
): CalibrationStatistics {
  const names = ['x', ...nodes.flatMap(({ outputs }) => outputs)];
  const values = names.map((name) => {
    const [minimum, maximum] = [[-1], [maxima[name] ?? 2]];
    return [name, { minimum, maximum, firstMinimum: minimum, firstMaximum: maximum, batches: 1 }] as const;
  });
  return { method: 'minmax', values: Object.fromEntries(values) };
}

function quantized(nodes: readonly GraphNode[], output: string, options: QuantizeModelOptions = {}): QuantizedGraph {
  return quantizeGraph(graphOf(nodes, output), operators, statisticsOf(nodes), options);
}

/** Values that are quantized and dequantized while the graph runs. */
const quantizedValues = ({ graph }: QuantizedGraph): string[] =>
  graph.nodes.flatMap(({ operator, inputs }) => (operator === 'QuantizeLinear' ? [inputs[0] ?? ''] : [])).sort();

describe('what is quantized', () => {
  const conv = (x: string, y: string) => node(`Conv ${x},w,b -> ${y}`);

  test('convolutions and what they read; a result that nothing quantized reads is not', () => {
    const made = quantized([conv('x', 'a'), conv('a', 'y')], 'y');
    expect(quantizedValues(made)).toEqual(['a', 'x']);
    expect(made.quantized).toEqual(['Conv a', 'Conv y']);
    expect(made.graph.nodes.filter(({ operator }) => operator === 'DequantizeLinear')).toHaveLength(6);
  });

  test('a Relu or Clip goes with the product or sum before it', () => {
    const nodes = [
      conv('x', 'a'),
      node('Relu a -> r'),
      conv('r', 'c'),
      node('Add c,r -> s'),
      node('Clip s,zero,six -> t'),
    ];
    expect(quantizedValues(quantized([...nodes, conv('t', 'y')], 'y'))).toEqual(['c', 'r', 't', 'x']);
  });

  test('a function of one value, from that value to its result', () => {
    const nodes = [
      conv('x', 'a'),
      node('Add a,three -> p'),
      node('Clip p,zero,six -> q'),
      node('Mul a,q -> r'),
      node('Div r,six -> s'),
      conv('s', 'y'),
    ];
    expect(quantizedValues(quantized(nodes, 'y'))).toEqual(['a', 's', 'x']);
  });

  test('gates of channels, averages and sums between convolutions', () => {
    const nodes = [
      conv('x', 'a'),
      node('GlobalAveragePool a -> g'),
      conv('g', 'h'),
      node('HardSigmoid h -> k'),
      node('Mul a,k -> l'),
      conv('l', 'y'),
    ];
    const made = quantized(nodes, 'y');
    expect(quantizedValues(made)).toEqual(['a', 'g', 'h', 'k', 'l', 'x']);
    expect(made.quantized).toContain('Mul l');
  });

  test('elements that are only moved keep their scale', () => {
    const nodes = [conv('x', 'a'), node('MaxPool a -> p', { kernel_shape: [2, 2] }), conv('p', 'y')];
    const statistics = statisticsOf(nodes, { p: 1.5 });
    const { graph } = quantizeGraph(graphOf(nodes, 'y'), operators, statistics);
    const scales = graph.nodes.filter(({ operator }) => operator === 'QuantizeLinear').map(({ inputs }) => inputs[1]);
    expect(scales[1]).toBe(scales[2]);
  });

  test('not what no product needs: normalization and softmax stay in float', () => {
    const nodes = [
      conv('x', 'a'),
      node('Softmax a -> s'),
      node('Mul s,three -> t'),
      node('Add t,a -> u'),
      node('MatMul u,m -> v'),
      node('Add v,row -> y'),
    ];
    const made = quantized(nodes, 'y');
    // The sum reads what softmax gives, which is a float; the product reads the sum.
    expect(quantizedValues(made)).toEqual(['u', 'x']);
    expect(made.quantized).toEqual(['Conv a', 'MatMul v']);
  });

  test('not what is excluded, nor what only that would have read', () => {
    const nodes = [conv('x', 'a'), node('MaxPool a -> p', { kernel_shape: [1, 1] }), conv('p', 'y')];
    const made = quantized(nodes, 'y', { exclude: ['Conv y'] });
    expect(quantizedValues(made)).toEqual(['x']);
    expect(made.skipped).toEqual([{ node: 'Conv y', reason: 'it is excluded' }]);
    expect(quantizedValues(quantized(nodes, 'y', { exclude: ['Conv*'] }))).toEqual([]);
    expect(quantizedValues(quantized(nodes, 'y', { exclude: [/a$/] }))).toEqual(['p']);
    expect(() => quantized(nodes, 'y', { exclude: ['Gemm*'] })).toThrow(InvalidInput);
  });

  test('not a Gemm with factors', () => {
    const made = quantized([node('Gemm x,m -> y', { alpha: 0.5 })], 'y');
    expect(made.skipped).toEqual([{ node: 'Gemm y', reason: 'its alpha or beta is not 1' }]);
  });
});

describe('weights and biases', () => {
  const dequantizer = ({ graph }: QuantizedGraph, input: number) => {
    const product = graph.nodes.find(({ operator }) => ['Conv', 'MatMul', 'Gemm'].includes(operator));
    const found = graph.nodes.find(({ outputs }) => outputs[0] === product?.inputs[input]);
    const [codes, scales] = (found?.inputs ?? []).map((name) => graph.initializers.get(name));
    if (!codes || !scales) throw new Error('The input is not dequantized from constants.');
    return { codes, scales, axis: found?.attributes.get('axis') };
  };

  test('each channel has a symmetric scale of its own, and the bias that times the scale of the input', () => {
    const made = quantized([node('Conv x,w,b -> y')], 'y');
    const { codes, scales, axis } = dequantizer(made, 1);
    expect([codes.elementType, axis, scales.shape]).toEqual(['int8', 0, [4]]);
    const values = constants.w?.data ?? [];
    codes.data.forEach((code, index) => {
      const scale = scales.data[index >> 2] ?? 0;
      expect(Math.abs((values[index] ?? 0) - code * scale)).toBeLessThanOrEqual(scale * 0.5001);
    });
    for (const channel of [0, 1, 2, 3]) {
      expect(Math.max(...Array.from(codes.data.subarray(4 * channel, 4 * channel + 4), Math.abs))).toBe(127);
    }
    const bias = dequantizer(made, 2);
    expect(bias.codes.elementType).toBe('int32');
    bias.scales.data.forEach((scale, channel) => {
      expect(scale).toBe(Math.fround((scales.data[channel] ?? 0) * Math.fround(3 / 255)));
      expect((bias.codes.data[channel] ?? 0) * scale).toBeCloseTo(constants.b?.data[channel] ?? 0, 3);
    });
  });

  test('or one scale for all, or along the last axis of a matrix', () => {
    const one = dequantizer(quantized([node('Conv x,w,b -> y')], 'y', { weights: { granularity: 'tensor' } }), 1);
    expect([one.scales.shape, one.axis]).toEqual([[], undefined]);
    const matrix = dequantizer(quantized([node('MatMul x,m -> y')], 'y'), 1);
    expect([matrix.scales.shape, matrix.axis]).toEqual([[6], 1]);
  });

  test('a channel of zeros, or nearly so, has a scale at which its bias has a code', () => {
    const nodes = [node('Conv x,w,b -> y')];
    const graph = graphOf(nodes, 'y');
    const data = Float32Array.from({ length: 16 }, (_, index) => (index < 4 ? 0 : index < 8 ? 1e-30 : 1));
    const initializers = new Map([...graph.initializers, ['w', hostTensor('float32', [4, 4, 1, 1], data)] as const]);
    const made = quantizeGraph({ ...graph, initializers }, operators, statisticsOf(nodes));
    const { codes, scales } = dequantizer(made, 2);
    codes.data.forEach((code, channel) => {
      const wanted = constants.b?.data[channel] ?? 0;
      expect(Math.abs(code * (scales.data[channel] ?? 0) - wanted)).toBeLessThan(1e-4);
    });
  });

  test('batch normalization is folded first', () => {
    const nodes = [node('Conv x,w -> a'), node('BatchNormalization a,b,b,b,v -> y')];
    const graph = graphOf(nodes, 'y');
    const initializers = new Map([...graph.initializers, ['v', hostTensor('float32', [4], [1, 2, 3, 4])] as const]);
    const made = quantizeGraph({ ...graph, initializers }, operators, statisticsOf(nodes));
    expect(made.graph.nodes.map(({ operator }) => operator)).not.toContain('BatchNormalization');
    expect(dequantizer(made, 2).codes.elementType).toBe('int32');
  });
});

test('older graphs and statistics of other models are refused', () => {
  const nodes = [node('Relu x -> y')];
  expect(() => quantizeGraph(graphOf(nodes, 'y', 12), operators, statisticsOf(nodes))).toThrow(InvalidQuantization);
  expect(() => quantizeGraph(graphOf(nodes, 'y'), operators, { method: 'minmax', values: {} })).toThrow(InvalidInput);
});

describe('ranges of activations', () => {
  const nodes = [node('Conv x,w,b -> y')];
  // Most of what was counted lies next to 0, so that the range of least error of few codes is narrower.
  const counts = Array.from({ length: 3 * 512 }, (_, cell) =>
    Math.round(1e6 * Math.exp(-(((cell - 511.5) / 60) ** 2)) + 1),
  );
  const histogram = { minimum: -1, maximum: 1.999, exponent: -9, first: -512, counts, zeros: 0 };
  const value = { minimum: [-1], maximum: [1.999], batches: 1, histograms: [histogram] };
  const statistics: CalibrationStatistics = { method: 'mse', percentile: 99.99, values: { x: value, y: value } };
  const made = (activations: QuantizeModelOptions['activations'], known = statistics) => {
    const { graph } = quantizeGraph(graphOf(nodes, 'y'), operators, known, activations ? { activations } : {});
    const { initializers } = graph;
    return {
      scale: initializers.get('x_scale')?.data[0] ?? Number.NaN,
      zeroPoint: initializers.get('x_zero_point')?.data[0],
    };
  };

  test('of less than 8 bits are chosen for their codes where there are histograms', () => {
    expect(made({})).toEqual({ scale: Math.fround(Math.fround(2.999) / 255), zeroPoint: 85 });
    const four = made({ bits: 4 });
    expect(four.scale).toBeLessThan((0.5 * 2.999) / 15);
    const { minimum, maximum } = rangesOf(statistics, { bits: 4 }).x ?? {};
    expect(15 * four.scale).toBeCloseTo((maximum?.[0] ?? 0) - (minimum?.[0] ?? 0), 5);
  });

  test('reach as far below 0 as above it by the symmetric scheme', () => {
    const symmetric = (signed: boolean) =>
      made(
        { scheme: 'symmetric', signed },
        {
          method: 'minmax',
          values: { x: { ...statisticsOf(nodes).values.x, minimum: [-1], maximum: [2], batches: 1 } },
        },
      );
    expect(symmetric(true)).toEqual({ scale: Math.fround(2 / 127), zeroPoint: 0 });
    expect(symmetric(false)).toEqual({ scale: Math.fround(2 / 127), zeroPoint: 128 });
  });
});
