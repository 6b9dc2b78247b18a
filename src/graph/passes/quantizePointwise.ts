import { elementCount } from '../../base/shape.ts';
import type { GraphNode } from '../graph.ts';
import type { GraphEditor } from '../graphEditor.ts';
import { type HostTensor, hostTensor } from '../hostTensor.ts';
import { type CodeType, codeRange, dequantizer, isOnnx, quantizer } from './quantization.ts';
import { ranksOf } from './ranks.ts';

/** Operators that make each element from the elements at its place. */
const pointwise: ReadonlySet<string> = new Set(
  [
    'Relu LeakyRelu PRelu ThresholdedRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Swish Mish Gelu Erf Tanh Softplus',
    'Softsign Exp Log Sqrt Reciprocal Neg Abs Sign Round Floor Ceil Sin Cos Clip Identity',
    'Add Sub Mul Div Pow Min Max',
  ].flatMap((names) => names.split(' ')),
);

/** Numbers that depend on one code alone: what each of the 256 codes makes them. */
interface Tabulated {
  /** Name of the codes. */
  readonly root: string;
  /** Their type. */
  readonly codeType: CodeType;
  readonly table: HostTensor;
  /** How often they were quantized on the way. */
  readonly depth: number;
}

type Values = Map<string, Tabulated>;
type RankOf = (name: string | undefined) => number | undefined;

/** Tables of at most so many quantizations on the way are put into one: whatever the model, the work stays in proportion. */
const greatestDepth = 32;

/**
 * Puts a table lookup in place of whatever leads from 8-bit codes to 8-bit codes element by element: activations, arithmetic
 * with constants, changes of scale, and several of them one after the other. The table is what the nodes' own definitions
 * give for each code. A lookup that would change nothing is left out.
 */
export function quantizePointwise(editor: GraphEditor): void {
  const values: Values = new Map();
  const rankOf = ranksOf(editor);
  for (const snapshot of editor.nodes) {
    // What it reads may have changed its name.
    const node = editor.maker(snapshot.outputs[0]);
    const made = node && tabulate(editor, node, values, rankOf);
    if (!made) continue;
    values.set(node.outputs[0] ?? '', made);
    if (isOnnx(node, 'QuantizeLinear')) lookUp(editor, node, made, values);
  }
}

function tabulate(editor: GraphEditor, node: GraphNode, values: Values, rankOf: RankOf): Tabulated | undefined {
  if (isOnnx(node, 'DequantizeLinear')) return dequantize(editor, node, values);
  if (isOnnx(node, 'QuantizeLinear')) {
    const found = quantizer(editor, node);
    const given = values.get(node.inputs[0] ?? '');
    if (typeof found === 'string' || !given) return undefined;
    const parameters = [scalar(found.scale), scalar(found.zeroPoint)];
    return evaluated(editor, node, { ...given, depth: given.depth + 1 }, [given.table, ...parameters]);
  }
  const fits = pointwise.has(node.operator) && (node.domain === '' || node.operator === 'Gelu');
  return fits ? compute(editor, node, values, rankOf) : undefined;
}

const scalar = (value: HostTensor): HostTensor => ({ ...value, shape: [] });

function dequantize(editor: GraphEditor, node: GraphNode, values: Values): Tabulated | undefined {
  const found = dequantizer(editor, node);
  if (typeof found === 'string' || found.axis !== undefined || editor.constant(found.codes)) return undefined;
  const { codes, codeType, scale, zeroPoint } = found;
  const before = editor.onlyUser(codes) ? values.get(codes) : undefined;
  const [least] = codeRange(codeType);
  const all = Array.from({ length: 256 }, (_, index) => least + index);
  const given =
    before && before.depth < greatestDepth
      ? before
      : { root: codes, codeType, table: hostTensor(codeType, [256], all), depth: 0 };
  return evaluated(editor, node, given, [given.table, scalar(scale), scalar(zeroPoint)]);
}

/** A node of numbers of one root and of constants of one number. */
function compute(editor: GraphEditor, node: GraphNode, values: Values, rankOf: RankOf): Tabulated | undefined {
  const given = node.inputs.map((name) => values.get(name));
  const known = given.filter((value) => value !== undefined);
  const [first] = known;
  if (!first || known.some(({ root }) => root !== first.root)) return undefined;
  const rank = rankOf(first.root) ?? 0;
  const inputs = node.inputs.map((name, index) => {
    const constant = editor.constant(name);
    // A constant of more axes would give them to the result.
    const fits = constant && elementCount(constant.shape) === 1 && constant.shape.length <= rank;
    return given[index]?.table ?? (fits ? scalar(constant) : undefined);
  });
  if (node.inputs.some((name, index) => name !== '' && !inputs[index])) return undefined;
  const depth = Math.max(...known.map((value) => value.depth));
  return evaluated(editor, node, { ...first, depth }, inputs);
}

function evaluated(
  editor: GraphEditor,
  node: GraphNode,
  given: Tabulated,
  inputs: readonly (HostTensor | undefined)[],
): Tabulated | undefined {
  const names = inputs.map((input, index) => (input ? `${index}` : ''));
  const [table] = editor.evaluate({ ...node, inputs: names }, inputs) ?? [];
  const isTable = table?.shape.join() === '256' && !table.data.some(Number.isNaN);
  return isTable ? { ...given, table } : undefined;
}

function lookUp(editor: GraphEditor, node: GraphNode, { root, codeType, table }: Tabulated, values: Values): void {
  const [output = ''] = node.outputs;
  const [least] = codeRange(codeType);
  const isIdentity = table.elementType === codeType && table.data.every((code, index) => code === least + index);
  if (isIdentity && editor.redirect(output, root)) return;
  const attributes = new Map([['table', table]]);
  const made = { operator: 'Lookup', domain: 'cuanta', inputs: [root], outputs: [output], attributes };
  if (editor.unsupported(made) !== undefined) return;
  const [first = node, ...others] = nodesBetween(editor, root, output, values);
  editor.fuse([first, ...others], made);
}

/** The nodes that lead from codes to other codes; those that compute come first, for the name of what stands for them. */
function nodesBetween(editor: GraphEditor, root: string, output: string, values: Values): GraphNode[] {
  const found = new Set<GraphNode>();
  const names = [output];
  for (let name = names.pop(); name !== undefined; name = names.pop()) {
    const maker = name === root ? undefined : editor.maker(name);
    if (!maker || found.has(maker)) continue;
    found.add(maker);
    names.push(...maker.inputs.filter((input) => values.has(input) || input === root));
  }
  const nodes = [...found].reverse();
  const quantizes = (node: GraphNode): boolean => isOnnx(node, 'QuantizeLinear', 'DequantizeLinear');
  return [...nodes.filter((node) => !quantizes(node)), ...nodes.filter(quantizes)];
}
