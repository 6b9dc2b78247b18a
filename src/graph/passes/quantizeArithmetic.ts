import type { Attribute, GraphNode } from '../graph.ts';
import type { GraphEditor, NewNode } from '../graphEditor.ts';
import { hostTensor } from '../hostTensor.ts';
import {
  codeBounds,
  type Dequantized,
  dequantizedAtOnce,
  explain,
  isOnnx,
  quantizedInputs,
  type Result,
  resultOf,
  resultParameters,
} from './quantization.ts';
import { ranksOf } from './ranks.ts';

type Quantized = Result & { readonly quantizer: NonNullable<Result['quantizer']> };

/** Sums, products and means of quantized operands, computed with integers. */
export function quantizeArithmetic(editor: GraphEditor): void {
  const rankOf = ranksOf(editor);
  for (const node of editor.nodes) {
    const operands = node.inputs.map((name) => dequantizedAtOnce(editor, name));
    const isDequantized = node.inputs.some((name) => isOnnx(editor.maker(name), 'DequantizeLinear'));
    if (!isDequantized || !editor.has(node)) continue;
    const reason = isOnnx(node, 'Add', 'Mul')
      ? fuseBinary(editor, node, operands)
      : isOnnx(node, 'AveragePool', 'GlobalAveragePool', 'ReduceMean')
        ? fuseMean(editor, node, operands[0] ?? '', rankOf)
        : undefined;
    if (reason !== undefined) explain(editor, node, reason);
  }
}

/** What a node's result becomes, where that is codes. */
function quantizedResult(editor: GraphEditor, node: GraphNode): Quantized | string {
  const result = resultOf(editor, node.outputs[0] ?? '');
  const { quantizer } = result;
  return quantizer ? { ...result, quantizer } : result.reason;
}

function fuseBinary(
  editor: GraphEditor,
  node: GraphNode,
  operands: readonly (Dequantized | string)[],
): string | undefined {
  const [left, right] = operands;
  if (!left || typeof left === 'string') return `input 0: ${left ?? 'it is missing'}`;
  if (!right || typeof right === 'string') return `input 1: ${right ?? 'it is missing'}`;
  const result = quantizedResult(editor, node);
  if (typeof result === 'string') return result;
  const parameters = resultParameters(editor, result.quantizer);
  return replace(editor, [node, left.node, right.node, ...result.nodes], {
    operator: node.operator === 'Add' ? 'QLinearAdd' : 'QLinearMul',
    domain: 'cuanta',
    inputs: [...quantizedInputs(editor, left), ...quantizedInputs(editor, right), ...parameters],
    outputs: result.quantizer.node.outputs,
    attributes: new Map(codeBounds(editor, result.quantizer, result)),
  });
}

function replace(editor: GraphEditor, nodes: readonly [GraphNode, ...GraphNode[]], made: NewNode): string | undefined {
  const missing = editor.unsupported(made);
  if (missing === undefined) editor.fuse(nodes, made);
  return missing;
}

function fuseMean(
  editor: GraphEditor,
  node: GraphNode,
  x: Dequantized | string,
  rankOf: (name: string | undefined) => number | undefined,
): string | undefined {
  if (typeof x === 'string') return x;
  const result = quantizedResult(editor, node);
  if (typeof result === 'string') return result;
  if (result.nodes.length > 1) return `${result.nodes[0]?.operator} comes before its result is quantized`;
  const rank = rankOf(node.inputs[0]);
  const isWhole = node.operator !== 'AveragePool';
  if (node.operator === 'ReduceMean' && !meansOfPlanes(editor, node, rank))
    return 'it is no mean over all spatial axes';
  const dilations = node.attributes.get('dilations') ?? [];
  if (Array.isArray(dilations) && dilations.some((dilation) => dilation !== 1)) return 'its window has dilations';
  const keepsAxes = node.operator !== 'ReduceMean' || Number(node.attributes.get('keepdims') ?? 1) !== 0;
  const { outputs } = result.quantizer.node;
  const pooled = keepsAxes ? outputs : [editor.freshName(`${outputs[0]} pooled`)];
  const attributes = new Map<string, Attribute>(isWhole ? [] : node.attributes);
  attributes.delete('dilations');
  const made = {
    operator: isWhole ? 'QLinearGlobalAveragePool' : 'QLinearAveragePool',
    domain: 'com.microsoft',
    inputs: [...quantizedInputs(editor, x), ...resultParameters(editor, result.quantizer)],
    outputs: pooled,
    attributes: attributes.set('channels_last', 0),
  };
  if (keepsAxes) return replace(editor, [node, x.node, ...result.nodes], made);
  const missing = editor.unsupported(made);
  if (missing !== undefined) return missing;
  editor.insert({ ...made, name: editor.freshName(node.name), replaces: [node.name, x.node.name] });
  const axes = Array.from({ length: (rank ?? 2) - 2 }, (_, index) => index + 2);
  editor.fuse([result.quantizer.node], squeeze(editor, pooled[0] ?? '', outputs, axes));
  return undefined;
}

function squeeze(editor: GraphEditor, input: string, outputs: readonly string[], axes: readonly number[]): NewNode {
  const node = { operator: 'Squeeze', domain: '', outputs };
  if (editor.opset() < 13) return { ...node, inputs: [input], attributes: new Map([['axes', axes]]) };
  return { ...node, inputs: [input, editor.addInitializer('axes', hostTensor('int64', [axes.length], axes))] };
}

/** Whether a ReduceMean is over all axes but the first two. */
function meansOfPlanes(editor: GraphEditor, node: GraphNode, rank: number | undefined): boolean {
  const attribute = node.attributes.get('axes');
  const listed = node.inputs[1] ? Array.from(editor.constant(node.inputs[1])?.data ?? []) : attribute;
  if (!Array.isArray(listed) || rank === undefined || rank < 3) return false;
  const axes = new Set(listed.map((axis) => (Number(axis) < 0 ? Number(axis) + rank : Number(axis))));
  return axes.size === rank - 2 && [...axes].every((axis) => axis >= 2);
}
