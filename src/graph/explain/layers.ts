/** The layers of a quantized graph, and graphs in which only some of them are quantized. */
import type { Graph, GraphNode } from '../graph.ts';
import { GraphEditor } from '../graphEditor.ts';
import type { HostTensor } from '../hostTensor.ts';
import type { OperatorTable } from '../operator.ts';
import { foldAffine } from '../passes/foldAffine.ts';
import { isOnnx } from '../passes/quantization.ts';
import { isProduct } from '../quantization/placement.ts';
import type { ChangedGraph } from './changedPart.ts';

/** A value of the model that a layer reads rounded to codes. */
export interface QuantizedValue {
  /** Place among the inputs of the node. */
  readonly index: number;
  /** The value before it is rounded. */
  readonly name: string;
  readonly scale: HostTensor;
  /** Undefined for zeros. */
  readonly zeroPoint: HostTensor | undefined;
  /** Where the value is bounded for codes of less than 8 bits; undefined where it takes all codes. */
  readonly bounds: readonly [number, number] | undefined;
}

/** A constant that a layer reads rounded to codes. */
export interface QuantizedConstant {
  readonly index: number;
  readonly float: HostTensor;
  /** What the codes stand for. */
  readonly rounded: HostTensor;
  /** The constants that it is stored as: codes, scales, zero points. */
  readonly stored: readonly HostTensor[];
}

/** A constant in float that makes up for the rounding of a layer's weights. */
interface CorrectedConstant {
  /** What reads it: the layer's node, or the sum behind it. */
  readonly node: GraphNode;
  readonly index: number;
  /** As it was; undefined for a bias that was not there. */
  readonly float: HostTensor | undefined;
}

/** A node that reads something rounded to codes. */
export interface QuantizedLayer {
  readonly node: GraphNode;
  readonly values: readonly QuantizedValue[];
  readonly constants: readonly QuantizedConstant[];
  readonly corrected: readonly CorrectedConstant[];
}

/** A quantized graph beside the float graph that it was made from. */
export class QuantizedLayers {
  /** In the order of the graph: nodes that read dequantized values, and outputs of the graph that are such. */
  readonly layers: readonly QuantizedLayer[];
  /** The quantized graph, outputs that are dequantized values behind an Identity. */
  readonly graph: Graph;
  readonly #operators: OperatorTable;

  /**
   * @param quantized with QuantizeLinear and DequantizeLinear (QDQ), constants in any form that makes float32 of them
   * @param float whose nodes make values of the same names; batch normalization may be folded in one of the two
   */
  constructor(float: Graph, quantized: Graph, operators: OperatorTable) {
    this.#operators = operators;
    this.graph = separateOutputs(quantized);
    const editor = new GraphEditor(this.graph, operators);
    const values = new FloatValues(float, operators);
    this.layers = editor.nodes.flatMap((node): QuantizedLayer[] => {
      if (isOnnx(node, 'QuantizeLinear', 'DequantizeLinear')) return [];
      const layer = {
        node,
        values: node.inputs.flatMap((name, index) => quantizedValue(editor, name, index, values)),
        constants: node.inputs.flatMap((name, index) => quantizedConstant(editor, node, name, index, values)),
        corrected: correctedConstants(editor, node, values),
      };
      return layer.values.length + layer.constants.length > 0 ? [layer] : [];
    });
  }

  /** The graph with one layer quantized, beside `only(() => false)`. */
  alone(layer: QuantizedLayer): ChangedGraph {
    return { graph: this.only((other) => other === layer), from: layer.node.outputs[0] ?? '' };
  }

  /** The graph with one layer in float, beside `graph`. */
  without(layer: QuantizedLayer): ChangedGraph {
    return { graph: this.only((other) => other !== layer), from: layer.node.outputs[0] ?? '' };
  }

  /** The graph with only these layers quantized: all others read values and constants as they were. */
  only(isQuantized: (layer: QuantizedLayer) => boolean): Graph {
    const editor = new GraphEditor(this.graph, this.#operators);
    const inputs = new Map<GraphNode, string[]>();
    const inputsOf = (node: GraphNode): string[] => {
      const known = inputs.get(node) ?? [...node.inputs];
      inputs.set(node, known);
      return known;
    };
    for (const layer of this.layers) {
      if (isQuantized(layer)) continue;
      const { node, values, constants, corrected } = layer;
      for (const { index, name } of values) inputsOf(node)[index] = name;
      for (const { index, float } of constants) {
        inputsOf(node)[index] = editor.addInitializer(`${node.name} input ${index}`, float);
      }
      for (const { node: reader, index, float } of corrected) {
        if (float) inputsOf(reader)[index] = editor.addInitializer(`${reader.name} input ${index}`, float);
        else inputsOf(reader).splice(index);
      }
    }
    for (const [node, names] of inputs) editor.update(node, { inputs: names });
    return editor.finish();
  }
}

/** What the float graph has. */
class FloatValues {
  readonly #editors: readonly GraphEditor[];

  constructor(float: Graph, operators: OperatorTable) {
    const folded = new GraphEditor(float, operators);
    foldAffine(folded);
    this.#editors = [new GraphEditor(float, operators), folded];
  }

  /** Whether a value is in the graph. */
  has(name: string): boolean {
    return this.#editors.some((editor) => editor.input(name) ?? editor.maker(name));
  }

  /** What the float graph's node that makes the same value reads there, if that is constant. */
  constant(node: GraphNode, index: number): HostTensor | undefined {
    const { editor, made } = this.#madeBy(node) ?? {};
    return editor?.constant(made?.inputs[index]);
  }

  /** Whether there is that node, but it reads nothing there. */
  lacks(node: GraphNode, index: number): boolean {
    const { made } = this.#madeBy(node) ?? {};
    return made !== undefined && !made.inputs[index];
  }

  #madeBy(node: GraphNode): { readonly editor: GraphEditor; readonly made: GraphNode } | undefined {
    for (const editor of this.#editors) {
      const made = editor.maker(node.outputs[0]);
      if (made?.operator === node.operator) return { editor, made };
    }
    return undefined;
  }
}

function quantizedValue(editor: GraphEditor, input: string, index: number, float: FloatValues): QuantizedValue[] {
  const maker = editor.maker(input);
  if (!isOnnx(maker, 'DequantizeLinear')) return [];
  const [codes = '', scaleName, zeroPointName] = maker.inputs;
  const quantizer = editor.maker(codes);
  const scale = editor.constant(scaleName);
  const [rounded = ''] = quantizer?.inputs ?? [];
  if (!isOnnx(quantizer, 'QuantizeLinear') || !scale || editor.constant(rounded)) return [];
  const zeroPoint = editor.constant(zeroPointName);
  // Narrow codes are made by a Clip that the float graph does not have.
  const clip = float.has(rounded) ? undefined : editor.maker(rounded);
  const [least, greatest] = [clip?.inputs[1], clip?.inputs[2]].map((name) => editor.constant(name)?.data[0]);
  if (!isOnnx(clip, 'Clip') || least === undefined || greatest === undefined) {
    return [{ index, name: rounded, scale, zeroPoint, bounds: undefined }];
  }
  return [{ index, name: clip.inputs[0] ?? '', scale, zeroPoint, bounds: [least, greatest] }];
}

function quantizedConstant(
  editor: GraphEditor,
  node: GraphNode,
  input: string,
  index: number,
  float: FloatValues,
): QuantizedConstant[] {
  if (!editor.maker(input)) return [];
  const rounded = editor.constant(input);
  const unrounded = rounded && float.constant(node, index);
  if (!rounded || unrounded?.elementType !== rounded.elementType) return [];
  if (unrounded.shape.join() !== rounded.shape.join()) return [];
  return [{ index, float: unrounded, rounded, stored: storedBehind(editor, input) }];
}

/** The bias of a product, or the constant that is added to it, where it is stored in float but not as it was. */
function correctedConstants(editor: GraphEditor, node: GraphNode, float: FloatValues): CorrectedConstant[] {
  if (!isProduct(node)) return [];
  const [result = ''] = node.outputs;
  const sum = node.operator === 'MatMul' ? editor.onlyUser(result) : undefined;
  const reader = node.operator === 'MatMul' ? sum : node;
  if (!reader || (sum && !isOnnx(sum, 'Add'))) return [];
  const index = sum ? (sum.inputs[0] === result ? 1 : 0) : 2;
  const name = reader.inputs[index];
  if (reader === node && name && float.lacks(node, index)) return [{ node, index, float: undefined }];
  const [known, found] = [float.constant(reader, index), editor.initializer(name)];
  const isCorrected = known && found?.elementType === 'float32' && !sameElements(known, found);
  return isCorrected ? [{ node: reader, index, float: known }] : [];
}

const sameElements = ({ data }: HostTensor, { data: other }: HostTensor): boolean =>
  data === other || (data.length === other.length && data.every((value, index) => value === other[index]));

/** The initializers that a constant is computed from. */
function storedBehind(editor: GraphEditor, name: string): HostTensor[] {
  const found = new Map<string, HostTensor>();
  const pending = [name];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const initializer = editor.initializer(next);
    if (initializer) found.set(next, initializer);
    else pending.push(...(editor.maker(next)?.inputs ?? []));
  }
  return [...found.values()];
}

/** The graph with an Identity before each output that is a dequantized value: what makes the output is a layer then. */
function separateOutputs(graph: Graph): Graph {
  const names = new Set(graph.outputs.map(({ name }) => name));
  const renamed = new Map<string, string>();
  const nodes = graph.nodes.flatMap((node): GraphNode[] => {
    const inputs = node.inputs.map((name) => renamed.get(name) ?? name);
    const [output = ''] = node.outputs;
    if (!isOnnx(node, 'DequantizeLinear') || !names.has(output)) return [{ ...node, inputs }];
    const within = `${output} before it is given out`;
    renamed.set(output, within);
    const identity = { name: `output ${output}`, domain: '', operator: 'Identity', attributes: new Map() };
    return [
      { ...node, inputs, outputs: [within] },
      { ...identity, inputs: [within], outputs: [output] },
    ];
  });
  return { ...graph, nodes };
}
