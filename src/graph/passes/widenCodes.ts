import type { GraphEditor } from '../graphEditor.ts';
import { bitsOf, hostTensor } from '../hostTensor.ts';
import { isOnnx } from './quantization.ts';

/** Constant codes of 4 and 2 bits as ones of 8, which integer kernels take, wherever one scale is not for a block. */
export function widenCodes(editor: GraphEditor): void {
  for (const node of editor.nodes) {
    if (!isOnnx(node, 'DequantizeLinear') || Number(node.attributes.get('block_size') ?? 0) !== 0) continue;
    const [codes, scale, zeroPoint] = node.inputs;
    const parts = [codes, zeroPoint].map((name) => (name ? editor.constant(name) : undefined));
    const [held] = parts;
    if (!held || bitsOf(held.elementType) >= 8 || (zeroPoint && !parts[1])) continue;
    const inputs = [codes, zeroPoint].map((name, index) => {
      const part = parts[index];
      if (!part) return '';
      const type = part.elementType.startsWith('u') ? 'uint8' : 'int8';
      return editor.addInitializer(`${name}_wide`, hostTensor(type, part.shape, part.data));
    });
    const [wideCodes = '', wideZeroPoint = ''] = inputs;
    editor.update(node, { inputs: [wideCodes, scale ?? '', ...(zeroPoint ? [wideZeroPoint] : [])] });
  }
}
