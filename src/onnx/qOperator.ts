/** QDQ graphs in QOperator form: integer operators in place of DequantizeLinear → operator → QuantizeLinear. */
import { InvalidQuantization } from '../base/errors.ts';
import type { Attribute, Graph, GraphNode } from '../graph/graph.ts';
import { GraphEditor } from '../graph/graphEditor.ts';
import { type ElementType, type HostTensor, hostTensor } from '../graph/hostTensor.ts';
import type { OperatorTable } from '../graph/operator.ts';
import { dropIdentities } from '../graph/passes/dropIdentities.ts';
import { fuseQuantized } from '../graph/passes/fuseQuantized.ts';
import { dataTypeOf } from './tensor.ts';

/** An operator of Cuanta that others have but for the bounds of its codes. */
interface Bounded {
  /** Where ONNX Runtime has it. */
  readonly domain: '' | 'com.microsoft';
  /** Inputs that hold the zero points of activations: of one type, there. */
  readonly zeroPoints: readonly number[];
}

const boundedOperators: ReadonlyMap<string, Bounded> = new Map([
  ['QLinearConv', { domain: '', zeroPoints: [2, 7] }],
  ['QLinearMatMul', { domain: '', zeroPoints: [2, 7] }],
  ['QLinearAdd', { domain: 'com.microsoft', zeroPoints: [2, 5, 7] }],
  ['QLinearMul', { domain: 'com.microsoft', zeroPoints: [2, 5, 7] }],
  ['QGemm', { domain: 'com.microsoft', zeroPoints: [2, 8] }],
]);

/** Operators whose result has not the type of their first input. */
const makingOthers = /^(DequantizeLinear|MatMulIntegerToFloat|QGemm|Cast|Shape|Size)$/;

/**
 * A quantized graph with the integer operators of ONNX and ONNX Runtime (`com.microsoft`) in place of QDQ, which compute the
 * codes that Cuanta's own nodes compute: QLinearConv, QLinearMatMul, QGemm, QLinearAdd, QLinearMul, QLinearAveragePool,
 * QLinearGlobalAveragePool; bounds of codes become a Clip of codes, and what leads from codes to codes element by element a
 * Gather from a table of 256. QuantizeLinear and DequantizeLinear stay at the borders, and around what has no integer form.
 *
 * @param graph in QDQ form, of operator set 13 or newer
 * @throws InvalidQuantization for an older graph, for one without quantized activations, and for nodes that take uint8 codes and make int8 ones or the other way
 */
export function toQOperator(graph: Graph, operators: OperatorTable): Graph {
  // ONNX Runtime has no convolution of codes to floats with a scale a channel.
  const editor = new GraphEditor(graph, operators.without('cuanta/ConvIntegerToFloat'));
  if (editor.opset() < 13) {
    throw new InvalidQuantization(
      `The graph is of operator set ${editor.opset()}, in which codes can be neither clipped nor moved; upgrade it to 13.`,
    );
  }
  if (!graph.nodes.some(({ operator }) => operator === 'QuantizeLinear')) {
    throw new InvalidQuantization(
      'Only weights of the graph are quantized, so that there is nothing for integer operators to compute; quantize activations too, or export it as QDQ.',
    );
  }
  dropIdentities(editor);
  fuseQuantized(editor);
  const codeTypes = new Map<string, ElementType | undefined>();
  for (const { name, elementType } of graph.inputs) codeTypes.set(name, elementType);
  for (const node of editor.nodes) {
    const given = codeTypes.get(node.inputs[0] ?? '');
    const type = madeType(editor, node) ?? (makingOthers.test(node.operator) ? undefined : given);
    codeTypes.set(node.outputs[0] ?? '', type);
    const bounded = node.domain === 'cuanta' ? boundedOperators.get(node.operator) : undefined;
    if (bounded) replaceBounded(editor, node, bounded);
    else if (node.domain === 'cuanta' && node.operator === 'Lookup') replaceLookup(editor, node, given === 'int8');
  }
  const made = editor.finish();
  return { ...made, opsets: new Map([...made.opsets, ['com.microsoft', 1]]) };
}

/** Element type of the codes that a node makes of others or of floats; undefined where it only moves them, or makes none. */
function madeType(editor: GraphEditor, { operator, domain, inputs, attributes }: GraphNode): ElementType | undefined {
  if (operator === 'QuantizeLinear') return editor.constant(inputs[2])?.elementType ?? 'uint8';
  if (operator === 'Lookup') return tableOf(attributes).elementType;
  const places = domain === 'cuanta' ? boundedOperators.get(operator)?.zeroPoints : undefined;
  return places && editor.constant(inputs[places.at(-1) ?? 0])?.elementType;
}

function tableOf(attributes: ReadonlyMap<string, Attribute>): HostTensor {
  const table = attributes.get('table');
  if (typeof table === 'object' && 'data' in table) return table;
  throw new InvalidQuantization('A Lookup has no table of codes; quantize the model again.');
}

const onnx = (operator: string, inputs: readonly string[], outputs: readonly string[], attributes: object = {}) => {
  return { operator, domain: '', inputs, outputs, attributes: new Map<string, Attribute>(Object.entries(attributes)) };
};

function replaceBounded(editor: GraphEditor, node: GraphNode, { domain, zeroPoints }: Bounded): void {
  const types = zeroPoints.map((index) => editor.constant(node.inputs[index])?.elementType);
  if (new Set(types).size > 1) {
    throw new InvalidQuantization(
      `${node.operator} node "${node.name}" reads and makes ${types.join(', ')} codes, but ONNX Runtime computes it with one type of activations. Quantize all of them as uint8 or all as int8, or export the model as QDQ.`,
    );
  }
  const attributes = new Map([...node.attributes].filter(([name]) => !/^(lowest|highest)_code$/.test(name)));
  const bounds = ['lowest_code', 'highest_code'].map((name) => {
    const code = node.attributes.get(name);
    return code === undefined ? '' : editor.addInitializer(name, hostTensor(types[0] ?? 'uint8', [], [Number(code)]));
  });
  const plain = { ...node, domain, attributes };
  if (bounds.join('') === '') {
    editor.fuse([node], plain);
    return;
  }
  const codes = editor.freshName(`${node.outputs[0]} unbounded`);
  editor.insert({ ...plain, outputs: [codes] });
  editor.fuse([node], {
    ...onnx('Clip', [codes, ...bounds], node.outputs),
    name: editor.freshName(`${node.name} bounds`),
  });
}

/** A table lookup as Gather, whose indices count from the end where they are negative. */
function replaceLookup(editor: GraphEditor, node: GraphNode, signed: boolean): void {
  const { elementType, data } = tableOf(node.attributes);
  const [x = ''] = node.inputs;
  // The table begins with the lowest code, the one of Gather with the code 0.
  const turned = Array.from(data, (_, index) => data[(index + (signed ? 128 : 0)) % 256] ?? 0);
  const table = editor.addInitializer(`${node.name} table`, hostTensor(elementType, [256], turned));
  const indices = editor.freshName(`${x} indices`);
  editor.insert(onnx('Cast', [x], [indices], { to: dataTypeOf('int32') }));
  editor.fuse([node], { ...onnx('Gather', [table, indices], node.outputs, { axis: 0 }) });
}
