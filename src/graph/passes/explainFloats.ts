import type { GraphNode } from '../graph.ts';
import type { GraphEditor } from '../graphEditor.ts';
import { dequantizer, explain, isOnnx, quantizer } from './quantization.ts';

/** Says of whatever is still computed with floats beside quantized values why that is so. */
export function explainFloats(editor: GraphEditor): void {
  for (const node of editor.nodes) {
    const reason = node.notFused ?? reasonOf(editor, node);
    if (reason !== undefined) explain(editor, node, reason);
  }
}

function reasonOf(editor: GraphEditor, node: GraphNode): string | undefined {
  if (!isOnnx(node, 'QuantizeLinear', 'DequantizeLinear')) return whyFloat(editor, node);
  // What is computed before the model runs costs nothing.
  if (editor.constant(node.outputs[0])) return undefined;
  return node.operator === 'QuantizeLinear' ? whyQuantized(editor, node) : whyDequantized(editor, node);
}

function whyDequantized(editor: GraphEditor, node: GraphNode): string {
  const found = dequantizer(editor, node);
  if (typeof found === 'string') return found;
  const [value = ''] = node.outputs;
  const [user, ...others] = editor.users(value);
  if (!user) return 'its result is given out as floats';
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  return `${user.operator} node "${user.name}"${more} reads floats`;
}

function whyQuantized(editor: GraphEditor, node: GraphNode): string {
  const found = quantizer(editor, node);
  if (typeof found === 'string') return found;
  const maker = editor.maker(node.inputs[0]);
  return maker ? `${maker.operator} node "${maker.name}" makes floats` : 'it quantizes what the model is given';
}

/** Of a node that reads what was dequantized, without a pass having said more. */
function whyFloat(editor: GraphEditor, node: GraphNode): string | undefined {
  if (node.domain === 'cuanta' || node.domain === 'com.microsoft') return undefined;
  const reads = node.inputs.some((name) => isOnnx(editor.maker(name), 'DequantizeLinear') && !editor.constant(name));
  if (!reads) return undefined;
  const isQuantized = node.outputs.some((name) => editor.users(name).some((user) => isOnnx(user, 'QuantizeLinear')));
  return isQuantized ? `${node.operator} is not computed with integers here` : 'its result stays float';
}
