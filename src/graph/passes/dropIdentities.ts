import type { GraphEditor } from '../graphEditor.ts';
import { isOnnx } from './quantization.ts';

/** Lets readers of what Identity and Dropout (which does nothing when a model runs) give read what these are given. */
export function dropIdentities(editor: GraphEditor): void {
  for (const snapshot of editor.nodes) {
    // One before it may have changed what it reads.
    const node = editor.maker(snapshot.outputs[0]);
    if (!isOnnx(node, 'Identity', 'Dropout')) continue;
    const [input = '', , training] = node.inputs;
    const [output = '', mask] = node.outputs;
    const isTraining = training !== undefined && training !== '' && editor.constant(training)?.data[0] !== 0;
    if (!mask && !isTraining) editor.redirect(output, input);
  }
}
