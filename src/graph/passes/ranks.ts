import type { GraphNode } from '../graph.ts';
import type { GraphEditor } from '../graphEditor.ts';

/** Operators whose result has the rank of their first input. */
const keepingRank: ReadonlySet<string> = new Set(
  [
    'QuantizeLinear DequantizeLinear Relu LeakyRelu PRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Swish Mish Gelu Erf',
    'Tanh Softplus Softsign Softmax LogSoftmax Exp Log Sqrt Abs Neg Clip Cast Identity Dropout BatchNormalization',
    'InstanceNormalization LayerNormalization Conv ConvTranspose MaxPool AveragePool GlobalAveragePool GlobalMaxPool LRN',
    'Transpose Slice Split Concat Pad Resize Upsample Tile DepthToSpace SpaceToDepth',
    'QLinearConv ConvIntegerToFloat QLinearAdd QLinearMul QLinearAveragePool Lookup',
  ].flatMap((names) => names.split(' ')),
);

const broadcasting: ReadonlySet<string> = new Set(['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Min', 'Max']);

/** Ranks of the values of a graph, as far as they are known whatever the model is given. */
export function ranksOf(editor: GraphEditor): (name: string | undefined) => number | undefined {
  const made = new Map<string, number | undefined>();
  const rankOf = (name: string | undefined): number | undefined => {
    if (!name) return undefined;
    if (made.has(name)) return made.get(name);
    return editor.initializer(name)?.shape.length ?? editor.input(name)?.dimensions?.length;
  };
  for (const node of editor.nodes) {
    const rank = rankBehind(editor, node, rankOf);
    for (const name of node.outputs) made.set(name, rank);
  }
  return rankOf;
}

function rankBehind(
  editor: GraphEditor,
  node: GraphNode,
  rankOf: (name: string | undefined) => number | undefined,
): number | undefined {
  if (keepingRank.has(node.operator)) return rankOf(node.inputs[0]);
  if (node.operator === 'Flatten' || node.operator === 'Gemm') return 2;
  if (node.operator === 'Reshape') return editor.initializer(node.inputs[1])?.shape[0];
  if (!broadcasting.has(node.operator)) return undefined;
  const ranks = node.inputs.map(rankOf).filter((rank) => rank !== undefined);
  return ranks.length === node.inputs.length ? Math.max(...ranks) : undefined;
}
