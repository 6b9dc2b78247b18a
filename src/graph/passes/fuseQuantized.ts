import type { GraphEditor } from '../graphEditor.ts';
import { mergeQuantizers, quantizeConstants, raiseQuantize, sinkDequantize } from './moveQuantization.ts';
import { isOnnx } from './quantization.ts';
import { quantizeArithmetic } from './quantizeArithmetic.ts';
import { quantizePointwise } from './quantizePointwise.ts';
import { quantizeProducts } from './quantizeProducts.ts';
import { widenCodes } from './widenCodes.ts';

/**
 * Puts integer nodes in place of DequantizeLinear → operator → QuantizeLinear, so that codes stay codes from the first
 * QuantizeLinear to the last DequantizeLinear wherever there is an integer operator.
 */
export function fuseQuantized(editor: GraphEditor): void {
  if (!editor.nodes.some((node) => isOnnx(node, 'DequantizeLinear'))) return;
  quantizeConstants(editor);
  widenCodes(editor);
  mergeQuantizers(editor);
  sinkDequantize(editor);
  raiseQuantize(editor);
  quantizePointwise(editor);
  quantizeProducts(editor);
  quantizeArithmetic(editor);
}
