/** Factors of channels, along the last axis, that go into the constants of what makes a value. */
import type { GraphNode } from '../graph.ts';
import type { GraphEditor } from '../graphEditor.ts';
import { type HostTensor, hostTensor } from '../hostTensor.ts';
import { isOnnx } from '../passes/quantization.ts';

/** New constants of a node, by their places among its inputs. */
interface Change {
  /** What the node makes, by which it is found after others were changed. */
  readonly output: string;
  readonly constants: ReadonlyMap<number, HostTensor>;
}

/**
 * Multiplies a value's channels by factors above 0, by changing constants that it is made with: the scale and bias of a layer
 * normalization, the weights and bias of a matrix product, the constant of a product; through sums with constants, which are
 * multiplied as well, and Relu. Whoever reads the value must want that.
 *
 * @param factors one for each place on the last axis
 * @returns false, and nothing is changed, where no such constant is found
 */
export function foldFactors(editor: GraphEditor, name: string, factors: readonly number[]): boolean {
  const changes = changesFor(editor, name, factors);
  if (!changes) return false;
  for (const { output, constants } of changes) {
    const node = editor.maker(output);
    if (!node) continue;
    const inputs = [...node.inputs];
    for (const [index, constant] of constants) {
      inputs[index] = editor.addInitializer(`${inputs[index]}_smoothed`, constant);
    }
    editor.update(node, { inputs });
  }
  return true;
}

function changesFor(editor: GraphEditor, name: string, factors: readonly number[]): Change[] | undefined {
  const node = editor.maker(name);
  if (!node || node.outputs[0] !== name) return undefined;
  const change = (entries: readonly (readonly [number, HostTensor | undefined])[]): Change | undefined => {
    const constants = new Map<number, HostTensor>();
    for (const [index, constant] of entries) if (constant) constants.set(index, constant);
    return constants.size === entries.length ? { output: name, constants } : undefined;
  };
  const along = (index: number): HostTensor | undefined => scaled(editor.constant(node.inputs[index]), factors);
  const present = (indices: readonly number[]): number[] => indices.filter((index) => node.inputs[index]);
  if (isOnnx(node, 'LayerNormalization') && isLastAxis(editor, node)) {
    return listOf(change(present([1, 2]).map((index) => [index, along(index)])));
  }
  if (isOnnx(node, 'MatMul') && editor.constant(node.inputs[1])?.shape.length === 2) {
    return listOf(change([[1, along(1)]]));
  }
  if (isOnnx(node, 'Gemm')) {
    const weights = node.attributes.get('transB') === 1 ? scaledRows(editor, node, factors) : along(1);
    return listOf(change([[1, weights], ...present([2]).map((index) => [index, along(index)] as const)]));
  }
  if (isOnnx(node, 'Relu')) return before(editor, node, 0, factors);
  if (!isOnnx(node, 'Add', 'Mul')) return undefined;
  const index = node.inputs.findIndex((input) => editor.constant(input));
  if (index < 0) return undefined;
  const own = change([[index, along(index)]]);
  if (!own || node.operator === 'Mul') return listOf(own);
  const others = before(editor, node, 1 - index, factors);
  return others && [...others, own];
}

const listOf = (change: Change | undefined): Change[] | undefined => (change ? [change] : undefined);

/** What multiplies an input of a node that nothing else reads. */
function before(editor: GraphEditor, node: GraphNode, index: number, factors: readonly number[]): Change[] | undefined {
  const name = node.inputs[index] ?? '';
  return editor.onlyUser(name) === node ? changesFor(editor, name, factors) : undefined;
}

/** True where a normalization is over the last axis alone: then its scale has one element a channel. */
function isLastAxis(editor: GraphEditor, node: GraphNode): boolean {
  return editor.constant(node.inputs[1])?.shape.length === 1 && (node.attributes.get('axis') ?? -1) === -1;
}

/** A constant times factors along its last axis, which it is spread over where it has one element there. */
function scaled(constant: HostTensor | undefined, factors: readonly number[]): HostTensor | undefined {
  const length = constant?.shape.at(-1) ?? 1;
  if (constant?.elementType !== 'float32' || (length !== 1 && length !== factors.length)) return undefined;
  const spread = factors.length / length;
  const shape = [...constant.shape.slice(0, -1), factors.length];
  const data = Float32Array.from({ length: constant.data.length * spread }, (_, index) => {
    return (constant.data[Math.floor(index / spread)] ?? 0) * (factors[index % factors.length] ?? 1);
  });
  return hostTensor('float32', shape, data);
}

/** Weights [channels, inputs] with each row times its factor. */
function scaledRows(editor: GraphEditor, node: GraphNode, factors: readonly number[]): HostTensor | undefined {
  const weights = editor.constant(node.inputs[1]);
  if (weights?.elementType !== 'float32' || weights.shape[0] !== factors.length) return undefined;
  const columns = weights.data.length / factors.length;
  const data = weights.data.map((weight, index) => weight * (factors[Math.floor(index / columns)] ?? 1));
  return { ...weights, data };
}
