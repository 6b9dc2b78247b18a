import { describe, expect, it } from 'vitest';
import type { Graph, GraphNode } from '../../src/graph/graph.ts';
import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { type Operator, OperatorTable } from '../../src/graph/operator.ts';
import { optimize } from '../../src/graph/optimize.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { GraphBuilder, type TensorQuantization } from '../support/graphBuilder.ts';

/** Every operator of ONNX that there is, and every other by its name alone: what it computes does not matter here. */
class Named extends OperatorTable {
  override find(node: GraphNode): Operator | undefined {
    const { domain, operator: name } = node;
    if (domain === '') return operators.find(node);
    return { name, domain, infer: () => [], evaluate: () => [] };
  }
}

const table = new Named([]);
const optimized = (graph: Graph): readonly GraphNode[] => optimize(graph, table).nodes;
const operatorsOf = (nodes: readonly GraphNode[]): string[] => nodes.map(({ operator }) => operator);
const q = (scale: number, zeroPoint: number, type: 'int8' | 'uint8' = 'uint8'): TensorQuantization => ({
  scale,
  zeroPoint,
  type,
});
const ones = (elementType: 'int8' | 'int32' | 'float32', ...shape: number[]): HostTensor =>
  hostTensor(elementType, shape, new Array(shape.reduce((product, length) => product * length, 1)).fill(1));
const named = (nodes: readonly GraphNode[], operator: string): GraphNode => {
  const node = nodes.find((candidate) => candidate.operator === operator);
  if (!node) throw new Error(`There is no ${operator} among ${operatorsOf(nodes)}.`);
  return node;
};
const tableOf = (node: GraphNode): HostTensor => {
  const values = node.attributes.get('table');
  if (typeof values !== 'object' || !('data' in values)) throw new Error('There is no table.');
  return values;
};

/** An input that is quantized, as floats. */
function start(builder: GraphBuilder, shape: readonly number[], quantization = q(0.1, 10)): string {
  return builder.rounded(builder.input(`x${shape}/${quantization.scale}`, 'float32', shape), quantization);
}

describe('products', () => {
  it('a convolution takes bias and Relu with it', () => {
    const b = new GraphBuilder();
    const x = start(b, [1, 3, 8, 8]);
    const w = b.weights(ones('int8', 2, 3, 3, 3), [0.5, 0.25], 0);
    const bias = b.weights(hostTensor('int32', [2], [7, -9]), [Math.fround(0.1) * 0.5, Math.fround(0.1) * 0.25], 0);
    const y = b.quantize(b.node('Relu', [b.node('Conv', [x, w, bias], { pads: [1, 1, 1, 1] })]), q(0.2, 3));
    const graph = optimize(b.graph([y]), table);
    const convolution = named(graph.nodes, 'QLinearConv');
    expect(operatorsOf(graph.nodes)).toEqual(['QuantizeLinear', 'QLinearConv']);
    expect(convolution.outputs).toEqual([y]);
    expect(Object.fromEntries(convolution.attributes)).toEqual({ pads: [1, 1, 1, 1], lowest_code: 3 });
    expect(convolution.replaces).toEqual([
      ...['Conv4', 'DequantizeLinear1', 'DequantizeLinear2', 'DequantizeLinear3', 'Relu5', 'QuantizeLinear6'],
    ]);
    expect(graph.initializers.get(convolution.inputs[8] ?? '')?.data).toEqual(Int32Array.of(7, -9));
  });

  it('a float bias is rounded to steps of the product of the scales', () => {
    const b = new GraphBuilder();
    const w = b.weights(ones('int8', 2, 1, 1, 1), [0.5]);
    const bias = b.constant('float32', [2], [1, -0.12]);
    const clipped = b.node('Clip', [
      b.node('Conv', [start(b, [1, 1, 2, 2], q(0.125, 0)), w, bias]),
      b.constant('float32', [], [-1]),
      b.constant('float32', [], [6]),
    ]);
    const graph = optimize(b.graph([b.quantize(clipped, q(0.1, -20, 'int8'))]), table);
    const convolution = named(graph.nodes, 'QLinearConv');
    expect(graph.initializers.get(convolution.inputs[8] ?? '')?.data).toEqual(Int32Array.of(16, -2));
    expect(Object.fromEntries(convolution.attributes)).toEqual({ lowest_code: -30, highest_code: 40 });
  });

  it('a convolution takes the table with it that alone reads its codes', () => {
    const b = new GraphBuilder();
    const w = b.weights(ones('int8', 2, 3, 1, 1), [0.5]);
    const codes = b.rounded(b.node('Conv', [start(b, [1, 3, 4, 4]), w]), q(0.05, 128));
    const y = b.quantize(b.node('HardSwish', [codes]), q(0.02, -110, 'int8'));
    const nodes = optimized(b.graph([y]));
    expect(operatorsOf(nodes)).toEqual(['QuantizeLinear', 'QLinearConv']);
    const convolution = named(nodes, 'QLinearConv');
    expect(convolution.outputs).toEqual([y]);
    expect(tableOf(convolution)).toMatchObject({ elementType: 'int8', shape: [256] });
    expect(convolution.replaces?.some((name) => name.startsWith('HardSwish'))).toBe(true);
    const twice = optimized(b.graph([y, b.node('Softmax', [codes])]));
    expect(operatorsOf(twice)).toContain('Lookup');
  });

  it('without a QuantizeLinear the result is float', () => {
    const b = new GraphBuilder();
    const bias = b.constant('float32', [2], [1, 2]);
    const y = b.node('Relu', [
      b.node('Conv', [start(b, [1, 3, 4, 4]), b.weights(ones('int8', 2, 3, 1, 1), [0.5]), bias]),
    ]);
    const flat = b.node('MatMul', [b.node('Flatten', [start(b, [1, 4])]), b.weights(ones('int8', 4, 3), [1, 2, 3], 1)]);
    const nodes = optimized(b.graph([y, flat]));
    expect(named(nodes, 'ConvIntegerToFloat')).toMatchObject({ outputs: [y], attributes: new Map([['lower', 0]]) });
    expect(named(nodes, 'ConvIntegerToFloat').inputs[6]).toBe(bias);
    expect(named(nodes, 'MatMulIntegerToFloat')).toMatchObject({ domain: 'com.microsoft', outputs: [flat] });
  });

  it('a product of matrices takes what is added to its columns with it', () => {
    const b = new GraphBuilder();
    const x = start(b, [2, 4]);
    const product = b.node('MatMul', [x, b.weights(ones('int8', 4, 3), [1, 2, 3], 1)]);
    const bias = b.constant('float32', [3], [1, 2, 3]);
    const sum = b.node('Add', [bias, product]);
    const nodes = optimized(b.graph([sum, b.node('Shape', [x])]));
    expect(operatorsOf(nodes).sort()).toEqual(['MatMulIntegerToFloat', 'QuantizeLinear', 'Shape']);
    expect(named(nodes, 'MatMulIntegerToFloat')).toMatchObject({ outputs: [sum] });
    expect(named(nodes, 'MatMulIntegerToFloat').inputs[6]).toBe(bias);
  });

  it('matrix products, with weights that are transposed first', () => {
    const b = new GraphBuilder();
    const x = start(b, [4, 8]);
    const turned = b.node('Transpose', [b.weights(ones('int8', 3, 8), [1, 2, 3], 0)], { perm: [1, 0] });
    const product = b.rounded(b.node('MatMul', [x, turned]), q(0.5, 1));
    const dense = b.weights(ones('int8', 5, 3), [0.1, 0.2, 0.3, 0.4, 0.5], 0);
    const gemm = b.node('Gemm', [product, dense, b.constant('float32', [5], [1, 2, 3, 4, 5])], { transB: 1, beta: 1 });
    const nodes = optimized(b.graph([b.quantize(gemm, q(0.5, 1))]));
    expect(operatorsOf(nodes)).toEqual(['Transpose', 'QuantizeLinear', 'QLinearMatMul', 'QGemm']);
    expect(named(nodes, 'QGemm')).toMatchObject({ domain: 'cuanta', attributes: new Map([['transB', 1]]) });
  });
});

describe('what is made element by element', () => {
  it('x · HardSigmoid(x), quantized in between, is one table', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'int8', [1, 4]);
    const floats = b.dequantize(x, q(0.05, 3, 'int8'));
    const gate = b.rounded(b.node('HardSigmoid', [floats], { alpha: 1 / 6 }), q(1 / 255, 0));
    const y = b.quantize(b.node('Mul', [floats, gate]), q(0.02, 20));
    const nodes = optimized(b.graph([y]));
    expect(operatorsOf(nodes)).toEqual(['Lookup']);
    const { data, elementType } = tableOf(named(nodes, 'Lookup'));
    expect(elementType).toBe('uint8');
    for (const code of [-128, -40, 0, 3, 50, 127]) {
      const value = Math.fround((code - 3) * Math.fround(0.05));
      const hard = Math.fround(Math.round(Math.min(Math.max(value / 6 + 0.5, 0), 1) * 255) / 255);
      const wanted = Math.round((value * hard) / 0.02) + 20;
      expect(data[code + 128], `code ${code}`).toBe(Math.min(Math.max(wanted, 0), 255));
    }
  });

  it('constants of more axes than the codes have stay', () => {
    const b = new GraphBuilder();
    const x = start(b, [4]);
    const scaled = b.quantize(b.node('Mul', [x, b.constant('float32', [1, 1], [2])]), q(0.1, 10));
    const shifted = b.quantize(b.node('Add', [x, b.constant('float32', [1], [2])]), q(0.1, 10));
    const nodes = optimized(b.graph([scaled, shifted]));
    expect(operatorsOf(nodes).sort()).toEqual([
      'DequantizeLinear',
      'Lookup',
      'Mul',
      'QuantizeLinear',
      'QuantizeLinear',
    ]);
    expect(named(nodes, 'Mul').notFused).toMatch(/^input 1: /);
  });

  it('codes that are dequantized and quantized alike are the same codes', () => {
    const b = new GraphBuilder();
    const codes = b.quantize(b.rounded(b.rounded(b.input('x', 'float32', [3]), q(0.5, 1)), q(0.5, 1)), q(0.5, 1));
    const nodes = optimized(b.graph([b.node('Transpose', [codes])]));
    expect(operatorsOf(nodes)).toEqual(['QuantizeLinear', 'Transpose']);
  });
});

it('what is quantized once for each reader is quantized once', () => {
  const b = new GraphBuilder();
  const convolved = b.node('Conv', [start(b, [1, 2, 4, 4]), b.weights(ones('int8', 2, 2, 1, 1), [1])]);
  const [left, right, other] = [q(0.5, 1), q(0.5, 1), q(0.25, 1)].map((parameters) => b.rounded(convolved, parameters));
  const nodes = optimized(b.graph([b.node('Softmax', [left ?? '']), b.node('Softmax', [right ?? ''])]));
  const pair = ['DequantizeLinear', 'Softmax'];
  expect(operatorsOf(nodes)).toEqual(['QuantizeLinear', 'QLinearConv', ...pair, ...pair]);
  const apart = optimized(b.graph([b.node('Softmax', [left ?? '']), b.node('Softmax', [other ?? ''])]));
  expect(operatorsOf(apart)).toContain('ConvIntegerToFloat');
});

describe('what only moves', () => {
  it('movers take codes, whatever comes behind', () => {
    const b = new GraphBuilder();
    const x = start(b, [1, 4, 4, 4]);
    const pooled = b.node('MaxPool', [b.node('Identity', [x])], { kernel_shape: [2, 2] });
    const padded = b.node('Pad', [pooled, b.constant('int64', [8], [0, 0, 1, 1, 0, 0, 1, 1])]);
    const [left = '', right = ''] = b.outputs('Split', [padded], 2, { axis: 1, num_outputs: 2 });
    const joined = b.node('Concat', [right, left], { axis: 1 });
    const graph = optimize(b.graph([b.node('Softmax', [joined])]), table);
    expect(operatorsOf(graph.nodes)).toEqual([
      ...['QuantizeLinear', 'MaxPool', 'Pad', 'Split', 'Concat', 'DequantizeLinear', 'Softmax'],
    ]);
    expect(graph.initializers.get(named(graph.nodes, 'Pad').inputs[2] ?? '')?.data).toEqual(Uint8Array.of(10));
    expect(named(graph.nodes, 'DequantizeLinear').notFused).toBe('Softmax node "Softmax7" reads floats');
  });

  it('numbers are quantized before they are moved, and those of a Concat alike', () => {
    const b = new GraphBuilder();
    const x = start(b, [1, 4, 4, 4]);
    const w = b.weights(ones('int8', 4, 4, 1, 1), [0.5]);
    const pooled = b.node('MaxPool', [b.node('Relu', [b.node('Conv', [x, w])])], { kernel_shape: [1, 1] });
    const y = b.quantize(b.node('Concat', [pooled, x], { axis: 1 }), q(0.2, 5));
    const nodes = optimized(b.graph([y]));
    expect(operatorsOf(nodes).sort()).toEqual(['Concat', 'Lookup', 'MaxPool', 'QLinearConv', 'QuantizeLinear']);
  });

  it('a number between two codes cannot be padded with', () => {
    const b = new GraphBuilder();
    const value = b.constant('float32', [], [0.05]);
    const padded = b.node('Pad', [start(b, [3]), b.constant('int64', [2], [1, 1]), value]);
    expect(operatorsOf(optimized(b.graph([padded])))).toEqual(['QuantizeLinear', 'DequantizeLinear', 'Pad']);
  });
});

describe('sums and means', () => {
  it('sums, products and pools of codes', () => {
    const b = new GraphBuilder();
    const x = start(b, [1, 4, 4, 4]);
    const other = b.dequantize(b.input('other', 'int8', [1, 4, 4, 4]), q(0.3, 0, 'int8'));
    const sum = b.rounded(b.node('Relu', [b.node('Add', [x, other])]), q(0.4, 7));
    const product = b.rounded(b.node('Mul', [sum, x]), q(0.4, 7));
    const pooled = b.rounded(b.node('AveragePool', [product], { kernel_shape: [2, 2] }), q(0.3, 1));
    const mean = b.quantize(
      b.node('ReduceMean', [pooled, b.constant('int64', [2], [-1, 2])], { keepdims: 0 }),
      q(0.3, 1),
    );
    const nodes = optimized(b.graph([mean]));
    expect(operatorsOf(nodes).sort()).toEqual([
      ...['QLinearAdd', 'QLinearAveragePool', 'QLinearGlobalAveragePool', 'QLinearMul', 'QuantizeLinear', 'Squeeze'],
    ]);
    expect(named(nodes, 'QLinearAdd').attributes).toEqual(new Map([['lowest_code', 7]]));
    expect(named(nodes, 'Squeeze').outputs).toEqual([mean]);
  });

  it('a mean over other axes stays', () => {
    const b = new GraphBuilder();
    const mean = b.node('ReduceMean', [start(b, [1, 4, 4, 4]), b.constant('int64', [1], [3])]);
    const nodes = optimized(b.graph([b.quantize(mean, q(0.3, 1))]));
    expect(named(nodes, 'ReduceMean').notFused).toBe('it is no mean over all spatial axes');
  });
});

describe('what stays says why', () => {
  it.each([
    {
      of: 'scales that are not constant',
      scale: (b: GraphBuilder) => b.input('s', 'float32', []),
      reason: 'its scale is not constant',
    },
    {
      of: 'scales of 16 bits',
      scale: (b: GraphBuilder) => b.constant('float16', [], [0.5]),
      reason: 'its scale is float16',
    },
    {
      of: 'a scale of 0',
      scale: (b: GraphBuilder) => b.constant('float32', [], [0]),
      reason: 'a scale is 0',
    },
    {
      of: 'several scales',
      scale: (b: GraphBuilder) => b.constant('float32', [4], [1, 2, 3, 4]),
      reason: 'it has a scale for each place of an axis',
    },
  ])('$of', ({ scale, reason }) => {
    const b = new GraphBuilder();
    const x = b.node('DequantizeLinear', [b.input('x', 'uint8', [1, 4]), scale(b)]);
    const y = b.quantize(b.node('MatMul', [x, b.weights(ones('int8', 4, 4), [1])]), q(1, 0));
    const nodes = optimized(b.graph([y]));
    expect(named(nodes, 'MatMul').notFused).toBe(`input 0: ${reason}`);
    expect(named(nodes, 'QuantizeLinear').notFused).toBe('MatMul node "MatMul2" makes floats');
  });

  it('factors that float32 does not hold, functions that have no value', () => {
    const b = new GraphBuilder();
    const x = start(b, [1, 4], q(1e-30, 0));
    const product = b.quantize(b.node('MatMul', [x, b.weights(ones('int8', 4, 4), [1e-30])]), q(1, 0));
    const root = b.quantize(b.node('Sqrt', [start(b, [1, 4])]), q(1, 0));
    const nodes = optimized(b.graph([product, root]));
    expect(named(nodes, 'MatMul').notFused).toBe('from its sums to its result is a factor of 0');
    expect(named(nodes, 'Sqrt').notFused).toBe('Sqrt is not computed with integers here');
  });

  it('a result that is read elsewhere, weights that are float, operators that there are not', () => {
    const b = new GraphBuilder();
    const x = start(b, [1, 4]);
    const sum = b.node('Add', [x, b.dequantize(b.input('other', 'uint8', [1, 4]), q(1, 0))]);
    const product = b.node('MatMul', [x, b.constant('float32', [4, 4], new Array(16).fill(1))]);
    const soft = b.node('Softmax', [x]);
    const nodes = optimized(
      b.graph([b.quantize(sum, q(1, 0)), sum, b.quantize(product, q(1, 0)), b.quantize(soft, q(1, 0))]),
    );
    expect(named(nodes, 'Add').notFused).toBe('its result is given out as floats');
    expect(named(nodes, 'MatMul').notFused).toBe('input 1: what it reads gives floats');
    expect(named(nodes, 'Softmax').notFused).toBe('Softmax is not computed with integers here');
    expect(named(nodes, 'QuantizeLinear').notFused).toBe('it quantizes what the model is given');
  });
});
