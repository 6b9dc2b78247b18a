import { InvalidInput, InvalidQuantization } from '../../base/errors.ts';
import type { Shape } from '../../base/shape.ts';
import type { CalibrationStatistics } from '../../calib/statistics.ts';
import { type HostParameters, hostCode, hostParameters } from '../../quant/hostParameters.ts';
import type { CodeFormat } from '../../quant/parameters.ts';
import type { Graph, GraphNode } from '../graph.ts';
import { GraphEditor } from '../graphEditor.ts';
import { type HostTensor, hostTensor } from '../hostTensor.ts';
import type { OperatorTable } from '../operator.ts';
import { foldAffine } from '../passes/foldAffine.ts';
import { exclusion, type QuantizeModelOptions } from './options.ts';
import { placeQuantization } from './placement.ts';
import { quantizeWeights } from './weights.ts';

/** A quantized graph, and what became of its nodes. */
export interface QuantizedGraph {
  /** With QuantizeLinear and DequantizeLinear around what is computed with integers. */
  readonly graph: Graph;
  /** Names of the nodes whose inputs are quantized, in order. Activations between them are not among these. */
  readonly quantized: readonly string[];
  /** Convolutions and matrix products that stayed in float, and why. */
  readonly skipped: readonly { readonly node: string; readonly reason: string }[];
}

/** Name of the scale and the zero point of a value. */
interface Parameters extends HostParameters {
  readonly names: readonly [string, string];
}

/**
 * Quantizes a graph to 8 bits with static ranges, in the form that ONNX Runtime's quantizer gives: QuantizeLinear and
 * DequantizeLinear (QDQ) around convolutions, matrix products and what lies between them; weights as int8 constants, symmetric;
 * biases as int32 at the product of the scales of input and weight. What follows a convolution and is linear in each channel,
 * batch normalization above all, is folded into it first.
 *
 * @param graph of operator set 13 or newer
 * @param statistics ranges of the values of this graph, as `calibrate` finds them
 * @throws InvalidInput for statistics of another model, and patterns that fit no node; InvalidQuantization for an older
 * operator set
 */
export function quantizeGraph(
  graph: Graph,
  operators: OperatorTable,
  statistics: CalibrationStatistics,
  options: QuantizeModelOptions = {},
): QuantizedGraph {
  const editor = new GraphEditor(graph, operators);
  if (editor.opset() < 13) {
    throw new InvalidQuantization(
      `The graph is of operator set ${editor.opset()}, which cannot be quantized per channel; upgrade it to 13 or 21.`,
    );
  }
  foldAffine(editor);
  return new GraphQuantizer(editor, statistics, options).run();
}

class GraphQuantizer {
  readonly #editor: GraphEditor;
  readonly #statistics: CalibrationStatistics;
  readonly #options: QuantizeModelOptions;
  readonly #format: CodeFormat;
  readonly #parameters = new Map<string, Parameters>();

  constructor(editor: GraphEditor, statistics: CalibrationStatistics, options: QuantizeModelOptions) {
    this.#editor = editor;
    this.#statistics = statistics;
    this.#options = options;
    this.#format = { bits: 8, signed: options.activations?.signed ?? false, scheme: 'asymmetric' };
  }

  run(): QuantizedGraph {
    const editor = this.#editor;
    const { nodes } = editor;
    const { values: known } = this.#statistics;
    const {
      nodes: chosen,
      values,
      sameAs,
      skipped,
    } = placeQuantization(editor, {
      hasRange: (name) => Object.hasOwn(known, name),
      isExcluded: exclusion(nodes, this.#options.exclude ?? []),
    });
    if (!nodes.some(({ inputs, outputs }) => [...inputs, ...outputs].some((name) => Object.hasOwn(known, name)))) {
      throw new InvalidInput('The statistics have no value of this model; calibrate this very model.');
    }
    const dequantized = new Map(values.map((name) => [name, this.#quantize(name, sameAs.get(name))]));
    const quantized = new Set(chosen);
    for (const node of nodes) {
      const inputs = node.inputs.map((name) => dequantized.get(name) ?? name);
      if (quantized.has(node)) this.#quantizeConstants(node, inputs);
      if (inputs.some((name, index) => name !== node.inputs[index])) editor.update(node, { inputs });
    }
    return {
      graph: editor.finish(),
      quantized: chosen.map(({ name }) => name),
      skipped: [...skipped].map(([{ name }, reason]) => ({ node: name, reason })),
    };
  }

  /** Quantizes and dequantizes a value. Gives the name of the result. */
  #quantize(name: string, source: string | undefined): string {
    const shared = source === undefined ? undefined : this.#parameters.get(source);
    const parameters = shared ?? this.#parametersOf(name);
    this.#parameters.set(name, parameters);
    const editor = this.#editor;
    const codes = editor.freshName(`${name}_quantized`);
    const result = editor.freshName(`${name}_dequantized`);
    const onnx = { domain: '', attributes: new Map() };
    editor.insert({ ...onnx, operator: 'QuantizeLinear', inputs: [name, ...parameters.names], outputs: [codes] });
    editor.insert({ ...onnx, operator: 'DequantizeLinear', inputs: [codes, ...parameters.names], outputs: [result] });
    return result;
  }

  #parametersOf(name: string): Parameters {
    const { minimum = [], maximum = [] } = this.#statistics.values[name] ?? {};
    const parameters = hostParameters(Math.min(...minimum), Math.max(...maximum), this.#format);
    return { ...parameters, names: this.#addParameters(name, parameters) };
  }

  #addParameters(name: string, { scale, zeroPoint }: HostParameters): [string, string] {
    const type = this.#format.signed ? 'int8' : 'uint8';
    return [
      this.#editor.addInitializer(`${name}_scale`, hostTensor('float32', [], [scale])),
      this.#editor.addInitializer(`${name}_zero_point`, hostTensor(type, [], [zeroPoint])),
    ];
  }

  /** Puts dequantized codes in place of the constants that a node reads. */
  #quantizeConstants(node: GraphNode, inputs: string[]): void {
    const constants = node.inputs.map((name) => this.#editor.constant(name));
    if (node.operator === 'Add' || node.operator === 'Mul') {
      constants.forEach((constant, index) => {
        if (constant) inputs[index] = this.#quantizeOperand(node.inputs[index] ?? '', constant);
      });
    }
    const weights = constants[1];
    const axis = weights && channelAxis(node, weights.shape);
    if (!weights || axis === undefined) return;
    const [x = '', weightName = '', biasName = ''] = node.inputs;
    const inputScale = this.#parameters.get(x)?.scale ?? 1;
    const perChannel = (this.#options.weights?.granularity ?? 'channel') === 'channel' && axis !== null;
    const bias = constants[2];
    const made = quantizeWeights(weights, perChannel ? axis : undefined, inputScale, bias);
    inputs[1] = this.#dequantize(weightName, made.codes, made.scales, made.zeroPoints, perChannel ? axis : undefined);
    if (made.bias)
      inputs[2] = this.#dequantize(biasName, made.bias.codes, made.bias.scales, undefined, perChannel ? 0 : undefined);
  }

  /** A constant operand of a sum or a product, with one scale as the other operand has. */
  #quantizeOperand(name: string, constant: HostTensor): string {
    const { data, shape } = constant;
    let [least, greatest] = [0, 0];
    for (const value of data) [least, greatest] = [Math.min(least, value), Math.max(greatest, value)];
    const parameters = hostParameters(least, greatest, this.#format);
    const codes = Array.from(data, (value) => hostCode(value, parameters, this.#format));
    const [scale, zeroPoint] = this.#addParameters(name, parameters);
    const codesName = this.#editor.addInitializer(
      `${name}_quantized`,
      hostTensor(this.#format.signed ? 'int8' : 'uint8', shape, codes),
    );
    return this.#insertDequantize(name, [codesName, scale, zeroPoint], undefined);
  }

  #dequantize(
    name: string,
    codes: HostTensor,
    scales: HostTensor,
    zeroPoints: HostTensor | undefined,
    axis: number | undefined,
  ): string {
    const inputs = [
      this.#editor.addInitializer(`${name}_quantized`, codes),
      this.#editor.addInitializer(`${name}_scale`, scales),
      ...(zeroPoints ? [this.#editor.addInitializer(`${name}_zero_point`, zeroPoints)] : []),
    ];
    return this.#insertDequantize(name, inputs, axis);
  }

  #insertDequantize(name: string, inputs: readonly string[], axis: number | undefined): string {
    const result = this.#editor.freshName(`${name}_dequantized`);
    const attributes = axis === undefined ? new Map() : new Map([['axis', axis]]);
    this.#editor.insert({ operator: 'DequantizeLinear', domain: '', inputs, outputs: [result], attributes });
    return result;
  }
}

/** The axis of a product's weights that output channels lie along; null where they lie along none, undefined for no product. */
function channelAxis({ operator, attributes }: GraphNode, shape: Shape): number | null | undefined {
  if (operator === 'Conv') return 0;
  if (operator === 'Gemm') return attributes.get('transB') === 1 ? 0 : 1;
  if (operator !== 'MatMul') return undefined;
  // Matrices of a batch have one scale, as ONNX Runtime takes them; so has a vector.
  return shape.length === 2 ? 1 : null;
}
