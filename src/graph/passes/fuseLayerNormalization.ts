import type { GraphNode } from '../graph.ts';
import type { GraphEditor } from '../graphEditor.ts';
import { isOnnx } from './quantization.ts';
import { ranksOf } from './ranks.ts';

/**
 * Makes one LayerNormalization of the nine nodes that exporters write for it before version 17:
 * (x − mean) / √(mean of (x − mean)² + ε) · scale + bias, means along the last axis. One kernel reads x once where nine read and
 * write.
 */
export function fuseLayerNormalization(editor: GraphEditor): void {
  const rankOf = ranksOf(editor);
  for (const mean of editor.nodes) {
    if (!editor.has(mean)) continue;
    const found = findFrom(editor, mean, rankOf(mean.inputs[0]));
    if (!found) continue;
    const { nodes, epsilon, inputs, output } = found;
    const attributes = new Map<string, number>([
      ['axis', -1],
      ['epsilon', epsilon],
    ]);
    editor.fuse([mean, ...nodes], {
      operator: 'LayerNormalization',
      domain: '',
      inputs,
      outputs: [output],
      attributes,
    });
  }
}

interface Found {
  /** Behind the mean. */
  readonly nodes: readonly GraphNode[];
  readonly epsilon: number;
  readonly inputs: readonly string[];
  readonly output: string;
}

function findFrom(editor: GraphEditor, mean: GraphNode, rank: number | undefined): Found | undefined {
  if (!isMeanAlongLast(editor, mean, rank)) return undefined;
  const [x = ''] = mean.inputs;
  const centred = editor.onlyUser(mean.outputs[0]);
  if (!isOnnx(centred, 'Sub') || centred.inputs[0] !== x || centred.inputs[1] !== mean.outputs[0]) return undefined;
  const [difference = ''] = centred.outputs;
  const users = editor.users(difference);
  const square = users.find((user) => isSquare(editor, user, difference));
  const quotient = users.find((user) => isOnnx(user, 'Div') && user.inputs[0] === difference);
  if (!square || !quotient || users.length !== 2 || editor.isOutput(difference)) return undefined;
  const variance = editor.onlyUser(square.outputs[0]);
  if (!variance || !isMeanAlongLast(editor, variance, rank)) return undefined;
  const shifted = constantAndValue(editor, editor.onlyUser(variance.outputs[0]), 'Add', variance.outputs[0]);
  const epsilon = shifted && editor.constant(shifted.constant);
  if (epsilon?.elementType !== 'float32' || epsilon.data.length !== 1) return undefined;
  const deviation = editor.onlyUser(shifted?.node.outputs[0]);
  if (!isOnnx(deviation, 'Sqrt') || editor.onlyUser(deviation.outputs[0]) !== quotient) return undefined;
  if (quotient.inputs[1] !== deviation.outputs[0]) return undefined;
  const scaled = constantAndValue(editor, editor.onlyUser(quotient.outputs[0]), 'Mul', quotient.outputs[0]);
  const sum = constantAndValue(editor, editor.onlyUser(scaled?.node.outputs[0]), 'Add', scaled?.node.outputs[0]);
  if (!shifted || !scaled || !sum || !areAlongLast(editor, scaled.constant, sum.constant)) return undefined;
  return {
    nodes: [centred, square, variance, shifted.node, deviation, quotient, scaled.node, sum.node],
    epsilon: Number(epsilon.data[0]),
    inputs: [x, scaled.constant, sum.constant],
    output: sum.node.outputs[0] ?? '',
  };
}

/** A mean along the last of `rank` axes alone, which stays with length 1. */
function isMeanAlongLast(editor: GraphEditor, node: GraphNode, rank: number | undefined): boolean {
  if (!isOnnx(node, 'ReduceMean') || node.attributes.get('keepdims') === 0) return false;
  const given = editor.opset() < 18 ? node.attributes.get('axes') : editor.constant(node.inputs[1])?.data;
  const axes = given !== undefined && typeof given === 'object' && 'length' in given ? Array.from(given, Number) : [];
  const [axis, ...others] = axes;
  return others.length === 0 && (axis === -1 || (rank !== undefined && axis === rank - 1));
}

function isSquare(editor: GraphEditor, node: GraphNode, value: string): boolean {
  const [left, right] = node.inputs;
  if (left !== value) return false;
  if (isOnnx(node, 'Mul')) return right === value;
  const exponent = isOnnx(node, 'Pow') ? editor.constant(right) : undefined;
  return exponent?.data.length === 1 && Number(exponent.data[0]) === 2;
}

/** A node that reads a value and a constant, in either order. */
function constantAndValue(
  editor: GraphEditor,
  node: GraphNode | undefined,
  operator: string,
  value: string | undefined,
): { readonly node: GraphNode; readonly constant: string } | undefined {
  if (!isOnnx(node, operator) || value === undefined) return undefined;
  const constant = node.inputs.find((name) => name !== value);
  return constant !== undefined && editor.constant(constant) ? { node, constant } : undefined;
}

/** One number for each element of the last axis, as many in both. */
function areAlongLast(editor: GraphEditor, ...names: readonly string[]): boolean {
  const constants = names.map((name) => editor.constant(name));
  const [first] = constants;
  return constants.every(
    (constant) =>
      constant?.elementType === 'float32' && constant.shape.length === 1 && constant.shape[0] === first?.shape[0],
  );
}
