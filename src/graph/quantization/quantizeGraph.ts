import { InvalidInput, InvalidQuantization } from '../../base/errors.ts';
import { type ChosenRanges, rangesOfValue } from '../../calib/rangesOf.ts';
import type { CalibrationStatistics } from '../../calib/statistics.ts';
import { type HostParameters, hostCode, hostParameters } from '../../quant/hostParameters.ts';
import { type CodeFormat, codeRange } from '../../quant/parameters.ts';
import type { Graph, GraphNode } from '../graph.ts';
import { GraphEditor } from '../graphEditor.ts';
import { type HostTensor, hostTensor } from '../hostTensor.ts';
import type { OperatorTable } from '../operator.ts';
import { foldAffine } from '../passes/foldAffine.ts';
import { insertDequantized, insertWeights } from './insertWeights.ts';
import { layerKey } from './layerInputs.ts';
import { LayerTable, neededOpset, type QuantizeModelOptions } from './options.ts';
import { isProduct, type Placement, placeQuantization, placeWeights } from './placement.ts';
import { quantizeWeights, type WeightRequest } from './weights.ts';

/** A quantized graph, and what became of its nodes. */
export interface QuantizedGraph {
  /** With QuantizeLinear and DequantizeLinear around what is computed with integers. */
  readonly graph: Graph;
  /** Names of the nodes whose inputs are quantized, in order. Activations between them are not among these. */
  readonly quantized: readonly string[];
  /** Convolutions and matrix products that stayed in float, and why. */
  readonly skipped: readonly { readonly node: string; readonly reason: string }[];
}

/** Scale and zero point of a value, and their names. */
interface Parameters extends HostParameters {
  readonly format: CodeFormat;
  readonly names: readonly [string, string];
}

/**
 * Quantizes a graph with static ranges, in the form that ONNX Runtime's quantizer gives: QuantizeLinear and
 * DequantizeLinear (QDQ) around convolutions, matrix products and what lies between them; weights as constant codes;
 * biases as int32 at the product of the scales of input and weight. What follows a convolution and is linear in each channel,
 * batch normalization above all, is folded into it first. With `activations: 'float'` weights alone are codes.
 *
 * @param graph of operator set 13 or newer; 21 for 4 bits and groups
 * @param statistics ranges of the values of this graph, as `calibrate` finds them; undefined where activations stay in float
 * @param onProgress told how many of all nodes are done
 * @throws InvalidInput for statistics of another model or none, and patterns that fit no node; InvalidQuantization for an
 * older operator set and formats that there are not
 */
export function quantizeGraph(
  graph: Graph,
  operators: OperatorTable,
  statistics: CalibrationStatistics | undefined,
  options: QuantizeModelOptions = {},
  onProgress?: (nodes: number, all: number) => void,
): QuantizedGraph {
  return quantizerOf(graph, operators, statistics, options).run(onProgress);
}

/** What `quantizeGraph` would quantize the weights of each layer with, by the name of what the layer makes; throws as it does. */
export function weightRequests(
  graph: Graph,
  operators: OperatorTable,
  statistics: CalibrationStatistics | undefined,
  options: QuantizeModelOptions,
): ReadonlyMap<string, WeightRequest> {
  const requests = new Map<string, WeightRequest>();
  quantizerOf(graph, operators, statistics, options, requests).run();
  return requests;
}

function quantizerOf(
  graph: Graph,
  operators: OperatorTable,
  statistics: CalibrationStatistics | undefined,
  options: QuantizeModelOptions,
  requests?: Map<string, WeightRequest>,
): GraphQuantizer {
  const editor = new GraphEditor(graph, operators);
  const layers = new LayerTable(editor.nodes, options);
  const opset = neededOpset(options);
  if (editor.opset() < opset) {
    throw new InvalidQuantization(
      `The graph is of operator set ${editor.opset()}, which cannot express what is asked for; upgrade it to ${opset}.`,
    );
  }
  if (!statistics && options.activations !== 'float') {
    throw new InvalidInput('There are no ranges of activations; calibrate the model, or leave activations in float.');
  }
  foldAffine(editor);
  return new GraphQuantizer(editor, statistics, options, layers, requests);
}

/** A constant that a sum adds. */
interface Summand {
  readonly sum: GraphNode;
  readonly index: number;
  readonly constant: HostTensor;
}

class GraphQuantizer {
  readonly #editor: GraphEditor;
  readonly #statistics: CalibrationStatistics | undefined;
  readonly #known: CalibrationStatistics['values'];
  readonly #layers: LayerTable;
  readonly #weightsOnly: boolean;
  readonly #signed: boolean;
  readonly #scheme: CodeFormat['scheme'];
  readonly #options: QuantizeModelOptions;
  /** Where requests for weights go instead of being fulfilled; undefined unless only these are wanted. */
  readonly #requests: Map<string, WeightRequest> | undefined;
  readonly #parameters = new Map<string, Parameters>();
  /** Inputs of sums whose constant makes up for the errors of the product before. */
  readonly #corrected = new Map<GraphNode, readonly string[]>();

  constructor(
    editor: GraphEditor,
    statistics: CalibrationStatistics | undefined,
    options: QuantizeModelOptions,
    layers: LayerTable,
    requests: Map<string, WeightRequest> | undefined,
  ) {
    this.#requests = requests;
    const { activations = {} } = options;
    this.#options = options;
    this.#editor = editor;
    this.#statistics = statistics;
    this.#known = statistics?.values ?? {};
    this.#layers = layers;
    this.#weightsOnly = activations === 'float';
    const { signed = false, scheme = 'asymmetric' } = activations === 'float' ? {} : activations;
    this.#signed = signed;
    this.#scheme = scheme;
  }

  run(onProgress?: (nodes: number, all: number) => void): QuantizedGraph {
    const editor = this.#editor;
    const { nodes } = editor;
    const placement = this.#place(nodes);
    const { values, sameAs, skipped } = placement;
    const dequantized = new Map(values.map((name) => [name, this.#quantize(name, sameAs.get(name))]));
    const quantized = new Set(placement.nodes);
    for (const [index, node] of nodes.entries()) {
      onProgress?.(index, nodes.length);
      const given = { ...node, inputs: this.#corrected.get(node) ?? node.inputs };
      const inputs = given.inputs.map((name) => dequantized.get(name) ?? name);
      if (quantized.has(node)) this.#quantizeConstants(given, inputs);
      if (inputs.some((name, place) => name !== node.inputs[place])) editor.update(node, { inputs });
    }
    return {
      graph: editor.finish(),
      quantized: placement.nodes.map(({ name }) => name),
      skipped: [...skipped].map(([{ name }, reason]) => ({ node: name, reason })),
    };
  }

  #place(nodes: readonly GraphNode[]): Placement {
    const isExcluded = (node: GraphNode): boolean => this.#layers.formatOf(node) === undefined;
    if (this.#weightsOnly) return placeWeights(this.#editor, isExcluded);
    const hasRange = (name: string): boolean => Object.hasOwn(this.#known, name);
    if (!nodes.some(({ inputs, outputs }) => [...inputs, ...outputs].some(hasRange))) {
      throw new InvalidInput('The statistics have no value of this model; calibrate this very model.');
    }
    return placeQuantization(this.#editor, { hasRange, isExcluded });
  }

  /** Quantizes and dequantizes a value. Gives the name of the result. */
  #quantize(name: string, source: string | undefined): string {
    const shared = source === undefined ? undefined : this.#parameters.get(source);
    const parameters = shared ?? this.#parametersOf(name);
    this.#parameters.set(name, parameters);
    const editor = this.#editor;
    const codes = editor.freshName(`${name}_quantized`);
    const result = editor.freshName(`${name}_dequantized`);
    // Elements of what is quantized already lie within.
    const bounded = shared ? name : this.#bounded(name, parameters);
    const onnx = { domain: '', attributes: new Map() };
    editor.insert({ ...onnx, operator: 'QuantizeLinear', inputs: [bounded, ...parameters.names], outputs: [codes] });
    editor.insert({ ...onnx, operator: 'DequantizeLinear', inputs: [codes, ...parameters.names], outputs: [result] });
    return result;
  }

  /** The value within what its codes can be: QuantizeLinear itself knows but the bounds of 8 bits. */
  #bounded(name: string, { format, scale, zeroPoint }: Parameters): string {
    if (format.bits === 8) return name;
    const editor = this.#editor;
    const { low, high } = codeRange(format);
    const bounds = [low, high].map((code, index) => {
      const value = hostTensor('float32', [], [(code - zeroPoint) * scale]);
      return editor.addInitializer(`${name}_${index === 0 ? 'least' : 'greatest'}`, value);
    });
    const bounded = editor.freshName(`${name}_bounded`);
    editor.insert({ operator: 'Clip', domain: '', inputs: [name, ...bounds], outputs: [bounded] });
    return bounded;
  }

  #parametersOf(name: string): Parameters {
    const format = this.#formatOf(this.#editor.users(name));
    const { minimum = [], maximum = [] } = this.#rangesOf(name, format) ?? {};
    const parameters = hostParameters(Math.min(...minimum), Math.max(...maximum), format);
    return { ...parameters, format, names: this.#addParameters(name, parameters) };
  }

  /** What statistics say by themselves is for 8 asymmetric bits; histograms tell it for others. */
  #rangesOf(name: string, format: CodeFormat): ChosenRanges | undefined {
    const known = this.#known[name];
    if (!this.#statistics || !known?.histograms || (format.bits === 8 && format.scheme === 'asymmetric')) return known;
    return rangesOfValue(known, this.#statistics, format);
  }

  /** The format of what these nodes read: products decide, where there are any. */
  #formatOf(readers: readonly GraphNode[]): CodeFormat {
    const wanted = readers.filter(isProduct).flatMap((node) => this.#layers.formatOf(node)?.activationBits ?? []);
    const bits = wanted.length === 0 ? this.#layers.activationBits : Math.max(...wanted);
    return { bits, signed: this.#signed, scheme: this.#scheme };
  }

  #addParameters(name: string, { scale, zeroPoint }: HostParameters): [string, string] {
    const type = this.#signed ? 'int8' : 'uint8';
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
        if (constant) inputs[index] = this.#quantizeOperand(node, node.inputs[index] ?? '', constant);
      });
    }
    const [, weights, bias] = constants;
    const format = this.#layers.formatOf(node);
    if (!weights || !format || !isProduct(node)) return;
    const [x = '', weightName = ''] = node.inputs;
    const inputScale = this.#weightsOnly ? undefined : (this.#parameters.get(x)?.scale ?? 1);
    const moments = this.#options.layerInputs?.get(layerKey(node, weights));
    const summand = node.operator === 'MatMul' ? this.#summandOf(node, weights.shape.at(-1)) : undefined;
    const correctBias = (this.#options.correctBias ?? false) && (node.operator !== 'MatMul' || summand !== undefined);
    const [output = ''] = node.outputs;
    const prepared = this.#options.prepared?.get(output);
    const request = { node, weights, bias, inputScale, format, moments, correctBias, prepared };
    if (this.#requests) {
      this.#requests.set(output, request);
      return;
    }
    const made = quantizeWeights(request);
    inputs[1] = insertWeights(this.#editor, weightName, made.constant);
    const biasName = node.inputs[2] || `${node.name} bias`;
    if (made.bias && 'scales' in made.bias) {
      const { codes, scales, attributes } = made.bias;
      inputs[2] = insertDequantized(this.#editor, biasName, [codes, scales], attributes);
    } else if (made.bias) {
      inputs[2] = this.#editor.addInitializer(biasName, made.bias.floats);
    }
    if (summand && made.errors) this.#correctSummand(summand, made.errors);
  }

  /** The constant that is added to the columns of a matrix product, and nothing else is done with that. */
  #summandOf(node: GraphNode, columns: number | undefined): Summand | undefined {
    const [result = ''] = node.outputs;
    const sum = this.#editor.onlyUser(result);
    if (sum?.operator !== 'Add' || sum.domain !== '') return undefined;
    const index = sum.inputs[0] === result ? 1 : 0;
    const constant = this.#editor.constant(sum.inputs[index]);
    const fits = constant?.elementType === 'float32' && constant.shape.at(-1) === columns;
    return fits ? { sum, index, constant } : undefined;
  }

  #correctSummand({ sum, index, constant }: Summand, errors: Float64Array): void {
    const data = constant.data.map((value, place) => value - (errors[place % errors.length] ?? 0));
    const name = this.#editor.addInitializer(`${sum.inputs[index]}_corrected`, { ...constant, data });
    this.#corrected.set(sum, sum.inputs.with(index, name));
  }

  /** A constant operand of a sum or a product, with one scale as the other operand has. */
  #quantizeOperand(node: GraphNode, name: string, { data, shape }: HostTensor): string {
    let [least, greatest] = [0, 0];
    for (const value of data) [least, greatest] = [Math.min(least, value), Math.max(greatest, value)];
    const format = this.#formatOf([node]);
    const parameters = hostParameters(least, greatest, format);
    const codes = Array.from(data, (value) => hostCode(value, parameters, format));
    const type = this.#signed ? 'int8' : 'uint8';
    return insertDequantized(
      this.#editor,
      name,
      [
        hostTensor(type, shape, codes),
        hostTensor('float32', [], [parameters.scale]),
        hostTensor(type, [], [parameters.zeroPoint]),
      ],
      new Map(),
    );
  }
}
