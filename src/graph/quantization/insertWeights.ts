/** Puts what makes weights from their codes into a graph. */
import type { GraphEditor } from '../graphEditor.ts';
import { type HostTensor, hostTensor } from '../hostTensor.ts';
import type { LookupWeights } from './codebook.ts';
import type { DequantizableWeights } from './weights.ts';

/** Adds the codes of weights and the nodes that make weights of them. Gives the name of the result. */
export function insertWeights(
  editor: GraphEditor,
  name: string,
  weights: DequantizableWeights | LookupWeights,
): string {
  const found = 'table' in weights ? lookUp(editor, name, weights) : dequantizeEvenly(editor, name, weights);
  const { reshape } = weights;
  if (!reshape) return found;
  const shape = editor.addInitializer(`${name}_shape`, hostTensor('int64', [reshape.length], reshape));
  return insertNode(editor, 'Reshape', [found, shape], `${name}_reshaped`);
}

/** Adds constants (codes, scales and zero points) and what dequantizes them. Gives the name of the result. */
export function insertDequantized(
  editor: GraphEditor,
  name: string,
  constants: readonly HostTensor[],
  attributes: ReadonlyMap<string, number>,
): string {
  const suffixes = ['quantized', 'scale', 'zero_point'];
  const inputs = constants.map((each, index) => editor.addInitializer(`${name}_${suffixes[index]}`, each));
  return insertNode(editor, 'DequantizeLinear', inputs, `${name}_dequantized`, attributes);
}

function dequantizeEvenly(editor: GraphEditor, name: string, weights: DequantizableWeights): string {
  const { codes, scales, zeroPoints, attributes } = weights;
  return insertDequantized(editor, name, [codes, scales, zeroPoints], attributes);
}

function lookUp(editor: GraphEditor, name: string, { codes, table, scales, groups }: LookupWeights): string {
  const stored = editor.addInitializer(`${name}_quantized`, codes);
  // Gather takes indices of 32 and 64 bits alone.
  const int32 = new Map([['to', 6]]);
  const indices = insertNode(editor, 'Cast', [stored], `${name}_indices`, int32);
  const entries = editor.addInitializer(`${name}_codebook`, table);
  const found = insertNode(editor, 'Gather', [entries, indices], `${name}_entries`);
  if (!scales) return found;
  const scale = editor.addInitializer(`${name}_scale`, scales);
  const spread = groups
    ? insertNode(
        editor,
        'Gather',
        [scale, editor.addInitializer(`${name}_groups`, groups.indices)],
        `${name}_scales`,
        new Map([['axis', groups.axis]]),
      )
    : scale;
  return insertNode(editor, 'Mul', [found, spread], `${name}_dequantized`);
}

function insertNode(
  editor: GraphEditor,
  operator: string,
  inputs: readonly string[],
  result: string,
  attributes: ReadonlyMap<string, number> = new Map(),
): string {
  const output = editor.freshName(result);
  editor.insert({ operator, domain: '', inputs, outputs: [output], attributes });
  return output;
}
