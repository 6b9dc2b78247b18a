/** Which nodes of a graph are computed with 8-bit values, and which values are therefore quantized. */
import type { GraphNode } from '../graph.ts';
import type { GraphEditor } from '../graphEditor.ts';
import type { HostTensor } from '../hostTensor.ts';

/** What quantization does to a graph. */
export interface Placement {
  /** Nodes whose inputs are quantized, in order. Activations and other functions of one value are not among them. */
  readonly nodes: readonly GraphNode[];
  /** Values that are quantized, in order. */
  readonly values: readonly string[];
  /** Values that have the parameters of another, whose elements they are. */
  readonly sameAs: ReadonlyMap<string, string>;
  /** Products that stay in float, and why. */
  readonly skipped: ReadonlyMap<GraphNode, string>;
}

/** What placement asks about a graph. */
export interface PlacementQuestions {
  /** Whether a value has a known range. */
  readonly hasRange: (name: string) => boolean;
  readonly isExcluded: (node: GraphNode) => boolean;
}

const list = (names: string): ReadonlySet<string> => new Set(names.split(' '));

/** Operators that pay for quantizing what they read. */
const products = list('Conv MatMul Gemm');
/** Operators that are computed with integers where their inputs are quantized anyhow. */
const light = list('Add Mul AveragePool GlobalAveragePool Concat');
/** Operators that only move or choose elements of their first input. */
const movers = list(
  'Reshape Transpose Flatten Squeeze Unsqueeze Slice Split Gather GlobalMaxPool Expand Tile DepthToSpace SpaceToDepth Identity',
);
/** Functions of each element by itself, which become tables; those whose results need more digits are not among them. */
const pointwise = list(
  'Relu LeakyRelu PRelu ThresholdedRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Swish Mish Gelu Erf Tanh Softplus Softsign Neg Abs Clip Add Sub Mul Div Min Max',
);

/**
 * Chooses what is quantized:
 * - products (Conv, MatMul, Gemm): whatever they read;
 * - sums and products of two tensors, averages, Concat and operators that move elements: where all that they read comes from
 *   quantized nodes or is an input of the model, and something quantized reads what they make;
 * - functions of one value, as activations are, with constants of one element: as a whole, from that value to their result;
 * - Relu and Clip behind a product or a sum: with it.
 * A result that nothing quantized reads stays in float.
 */
export function placeQuantization(editor: GraphEditor, questions: PlacementQuestions): Placement {
  return new Placing(editor, questions).place();
}

/** True for operators that pay for quantizing what they read: convolutions and matrix products. */
export const isProduct = ({ operator, domain }: GraphNode): boolean => domain === '' && products.has(operator);

/** Quantizes the weights of products alone. */
export function placeWeights(editor: GraphEditor, isExcluded: PlacementQuestions['isExcluded']): Placement {
  const skipped = new Map<GraphNode, string>();
  const nodes = editor.nodes.filter((node) => {
    if (!isProduct(node)) return false;
    const weights = editor.constant(node.inputs[1]);
    const objection = isExcluded(node) ? 'it is excluded' : weights ? typeObjection(weights) : 'it has no weights';
    if (objection !== undefined) skipped.set(node, objection);
    return objection === undefined;
  });
  return { nodes, values: [], sameAs: new Map(), skipped };
}

const typeObjection = ({ elementType }: HostTensor): string | undefined =>
  elementType === 'float32' ? undefined : `its weights are ${elementType}`;

/** True for nodes whose results are elements of what they read. */
function isMover({ operator, outputs, attributes }: GraphNode): boolean {
  if (operator === 'MaxPool') return !outputs[1];
  if (operator !== 'Resize') return movers.has(operator);
  const extrapolates = attributes.get('coordinate_transformation_mode') === 'tf_crop_and_resize';
  return (attributes.get('mode') ?? 'nearest') === 'nearest' && !extrapolates;
}

class Placing {
  readonly #editor: GraphEditor;
  readonly #questions: PlacementQuestions;
  /** Values that could be quantized without need of their own. */
  readonly #able = new Set<string>();
  /** The value that a function is of, by the function's result. */
  readonly #roots = new Map<string, string>();
  /** Values that only a Relu or Clip reads, which is computed with the node before it. */
  readonly #bounded = new Set<string>();
  readonly #wanted = new Set<string>();
  readonly #quantizable = new Set<GraphNode>();
  readonly #skipped = new Map<GraphNode, string>();

  constructor(editor: GraphEditor, questions: PlacementQuestions) {
    this.#editor = editor;
    this.#questions = questions;
  }

  place(): Placement {
    const { nodes } = this.#editor;
    for (const node of nodes) this.#forward(node);
    const chosen = [...nodes].reverse().filter((node) => this.#backward(node));
    const inputs = nodes.flatMap((node) => node.inputs).filter((name) => !this.#editor.maker(name));
    const made = nodes.flatMap(({ outputs }) => outputs);
    const values = [...new Set([...inputs, ...made])].filter(
      (name) => this.#wanted.has(name) && !this.#bounded.has(name),
    );
    const sameAs = new Map<string, string>();
    for (const node of chosen.reverse()) {
      if (isMover(node)) for (const name of node.outputs) sameAs.set(name, node.inputs[0] ?? '');
    }
    return { nodes: chosen, values, sameAs, skipped: this.#skipped };
  }

  #forward(node: GraphNode): void {
    const { operator, domain, outputs, inputs } = node;
    if (domain !== '') return;
    const [output = ''] = outputs;
    if (products.has(operator)) {
      const reason = this.#objection(node);
      if (reason === undefined) this.#accept(node);
      else this.#skipped.set(node, reason);
      return;
    }
    if (this.#questions.isExcluded(node)) return;
    const values = this.#values(node);
    const [first = ''] = values;
    const bounds = (operator === 'Relu' || operator === 'Clip') && values.length === 1;
    if (bounds && this.#isComputed(first) && this.#editor.onlyUser(first) === node) {
      this.#bounded.add(first);
      if (this.#isAble(first)) this.#markAble(outputs);
      return;
    }
    const root = pointwise.has(operator) ? this.#commonRoot(node, values) : undefined;
    if (root !== undefined) {
      this.#roots.set(output, root);
      if (this.#isAble(root)) this.#markAble(outputs);
      return;
    }
    const moved = isMover(node) && inputs[0] === first;
    if (!moved && !light.has(operator)) return;
    if (operator === 'Concat' && values.length < inputs.length) return;
    const read = moved ? [first] : values;
    if (read.length > 0 && read.every((name) => this.#isAble(name))) this.#accept(node);
  }

  /** Why a product stays in float. */
  #objection(node: GraphNode): string | undefined {
    const { operator, inputs, attributes } = node;
    if (this.#questions.isExcluded(node)) return 'it is excluded';
    if (operator === 'Gemm' && ((attributes.get('alpha') ?? 1) !== 1 || (attributes.get('beta') ?? 1) !== 1)) {
      return 'its alpha or beta is not 1';
    }
    if (operator === 'Gemm' && attributes.get('transA') === 1) return 'its first operand is transposed';
    const [x = '', w = ''] = inputs;
    if (this.#editor.constant(x)) return 'its first operand is constant';
    if (!this.#questions.hasRange(x)) return `the range of "${x}" is not known`;
    const weights = this.#editor.constant(w);
    if (!weights) return this.#questions.hasRange(w) ? undefined : `the range of "${w}" is not known`;
    return typeObjection(weights);
  }

  #accept(node: GraphNode): void {
    this.#quantizable.add(node);
    this.#markAble(node.outputs);
  }

  #markAble(names: readonly string[]): void {
    for (const name of names) if (this.#questions.hasRange(name)) this.#able.add(name);
  }

  /** Whether a value could be quantized without need of its own: inputs of the model are read by some product anyhow. */
  #isAble(name: string): boolean {
    return this.#able.has(name) || (!this.#editor.maker(name) && this.#questions.hasRange(name));
  }

  #isComputed(name: string): boolean {
    const maker = this.#editor.maker(name);
    return maker !== undefined && this.#quantizable.has(maker) && !isMover(maker);
  }

  /** Inputs that are not constant. */
  #values(node: GraphNode): string[] {
    return node.inputs.filter((name) => name !== '' && !this.#editor.constant(name));
  }

  /** The one value that a node computes a function of; undefined where there are several, or constants of many elements. */
  #commonRoot(node: GraphNode, values: readonly string[]): string | undefined {
    const roots = new Set(values.map((name) => this.#roots.get(name) ?? name));
    const constants = node.inputs
      .map((name) => this.#editor.constant(name))
      .filter((constant) => constant !== undefined);
    const [root] = roots;
    return roots.size === 1 && constants.every(({ data }) => data.length === 1) ? root : undefined;
  }

  /** True for a node that is quantized; marks the values that it therefore wants. */
  #backward(node: GraphNode): boolean {
    const wants = node.outputs.some((name) => this.#wanted.has(name) && this.#able.has(name));
    if (this.#quantizable.has(node)) {
      if (!products.has(node.operator) && !wants) return false;
      const read = isMover(node) ? node.inputs.slice(0, 1) : this.#values(node);
      for (const name of products.has(node.operator) ? read.slice(0, 2) : read) this.#wanted.add(name);
      return true;
    }
    if (!wants) return false;
    const [output = ''] = node.outputs;
    const root = this.#roots.get(output);
    const [first = ''] = this.#values(node);
    if (root !== undefined) this.#wanted.add(root);
    else if (this.#bounded.has(first)) this.#wanted.add(first);
    return false;
  }
}
