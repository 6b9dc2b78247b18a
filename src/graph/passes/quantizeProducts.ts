import { elementCount } from '../../base/shape.ts';
import type { Attribute, GraphNode } from '../graph.ts';
import type { GraphEditor, NewNode } from '../graphEditor.ts';
import { type HostTensor, hostTensor } from '../hostTensor.ts';
import {
  codeBounds,
  type Dequantized,
  dequantized,
  dequantizedAtOnce,
  explain,
  isOnnx,
  quantizedInputs,
  type Result,
  resultOf,
  resultParameters,
} from './quantization.ts';

/** Products in a sum that fits 32 bits whatever its codes are: ⌊(2³¹ − 1) / 255²⌋. */
const largestSum = 33_025;

/** A product of two quantized operands. */
interface Product {
  readonly node: GraphNode;
  readonly x: Dequantized;
  readonly w: Dequantized;
  readonly result: Result;
}

/** Convolutions and matrix products of quantized operands, computed with integers. */
export function quantizeProducts(editor: GraphEditor): void {
  for (const node of editor.nodes) {
    const fuse = node.domain === '' ? fusers.get(node.operator) : undefined;
    const readsCodes = fuse && isOnnx(editor.maker(node.inputs[0]), 'DequantizeLinear');
    const reason = readsCodes ? fuse(editor, node) : undefined;
    if (reason !== undefined) explain(editor, node, reason);
  }
}

/** Each puts an integer node in place of a node, or says why not. */
const fusers: ReadonlyMap<string, (editor: GraphEditor, node: GraphNode) => string | undefined> = new Map([
  ['Conv', fuseConvolution],
  ['MatMul', fuseMatrixProduct],
  ['Gemm', fuseGemm],
]);

function operandsOf(editor: GraphEditor, node: GraphNode): Product | string {
  const x = dequantizedAtOnce(editor, node.inputs[0]);
  if (typeof x === 'string') return `input 0: ${x}`;
  const w = dequantized(editor, node.inputs[1]);
  if (typeof w === 'string') return `input 1: ${w}`;
  return { node, x, w, result: resultOf(editor, node.outputs[0] ?? '') };
}

/** Why sums cannot be turned into codes of the result; undefined where they can. */
function unfitFactor({ x, w, result }: Product, alpha = 1): string | undefined {
  const step = Math.fround(alpha * (x.scale.data[0] ?? 1));
  const factors = Array.from(w.scale.data, (scale) =>
    Math.fround(Math.fround(step * scale) / (result.quantizer?.scale.data[0] ?? 1)),
  );
  const bad = factors.find((factor) => !(Number.isFinite(factor) && factor > 0));
  return bad === undefined ? undefined : `from its sums to its result is a factor of ${bad}`;
}

/** Replaces a product, and what is computed with it, unless this library lacks the integer node. */
function replace(editor: GraphEditor, { node, x, w, result }: Product, made: NewNode): string | undefined {
  const missing = editor.unsupported(made);
  if (missing !== undefined) return missing;
  const bias = editor.maker(node.inputs[2]);
  const takesCodes = !made.inputs.includes(node.inputs[2] ?? '');
  const biasNodes = isOnnx(bias, 'DequantizeLinear') && takesCodes ? [bias] : [];
  editor.fuse([node, x.node, w.node, ...biasNodes, ...result.nodes], made);
  return undefined;
}

function fuseConvolution(editor: GraphEditor, node: GraphNode): string | undefined {
  const product = operandsOf(editor, node);
  if (typeof product === 'string') return product;
  const { x, w, result } = product;
  const weights = editor.constant(w.codes);
  const unfit = unfitFactor(product);
  if (unfit !== undefined) return unfit;
  if (w.axis !== undefined && w.axis !== 0 && w.axis + (weights?.shape.length ?? 0) !== 0) {
    return 'its weights have scales along another axis than that of the output channels';
  }
  if (weights && elementCount(weights.shape.slice(1)) > largestSum) return 'its sums do not fit 32 bits';
  const operands = [...quantizedInputs(editor, x), ...quantizedInputs(editor, w)];
  if (result.quantizer) {
    const bias = integerBias(editor, product, Math.fround);
    if (typeof bias !== 'string') return bias.reason;
    const inputs = [...operands, ...resultParameters(editor, result.quantizer), bias];
    const attributes = withBounds(node, codeBounds(editor, result.quantizer, result));
    const outputs = result.quantizer.node.outputs;
    return replace(editor, product, { operator: 'QLinearConv', domain: 'cuanta', inputs, outputs, attributes });
  }
  const attributes = withBounds(node, floatBounds(result));
  const inputs = [...operands, node.inputs[2] ?? ''];
  const outputs = [result.value];
  return replace(editor, product, { operator: 'ConvIntegerToFloat', domain: 'cuanta', inputs, outputs, attributes });
}

function withBounds(node: GraphNode, bounds: readonly [string, number][]): ReadonlyMap<string, Attribute> {
  return new Map<string, Attribute>([...node.attributes, ...bounds]);
}

function floatBounds({ lower, upper }: Result): [string, number][] {
  const bounds: [string, number][] = [];
  if (lower !== undefined) bounds.push(['lower', lower]);
  if (upper !== undefined) bounds.push(['upper', upper]);
  return bounds;
}

/**
 * Name of a product's bias as int32 steps of the product's scale, '' where it has none. Codes of that scale are taken as they
 * are, other numbers are rounded.
 */
function integerBias(
  editor: GraphEditor,
  { node, x, w }: Product,
  scaled: (scale: number) => number,
): string | { readonly reason: string } {
  const name = node.inputs[2];
  if (!name) return '';
  const bias = editor.constant(name);
  if (!bias) return { reason: 'its bias is not constant' };
  const count = elementCount(w.scale.shape);
  const steps = Array.from(w.scale.data, (scale) => scaled(scale * (x.scale.data[0] ?? 1)));
  const codes = biasCodes(editor, editor.maker(name), steps) ?? {
    elementType: 'int32',
    shape: bias.shape,
    data: Array.from(bias.data, (value, index) => Math.round(value / (steps[count === 1 ? 0 : index] ?? 1))),
  };
  if (Array.from(codes.data).some((code) => Math.abs(code) >= 2 ** 31)) {
    return { reason: 'its bias is beyond 32 bits in steps of the product of the scales' };
  }
  return editor.addInitializer(`${name} codes`, hostTensor('int32', [codes.data.length], codes.data));
}

/** How far the scale of a bias may be from the product of the scales, to which it was rounded by whoever made it. */
const scaleTolerance = 1e-5;

/** The int32 codes of a bias of the product's own scale. */
function biasCodes(
  editor: GraphEditor,
  maker: GraphNode | undefined,
  steps: readonly number[],
): HostTensor | undefined {
  if (!isOnnx(maker, 'DequantizeLinear')) return undefined;
  const [codes, scale, zeroPoint] = maker.inputs.map((name) => editor.constant(name));
  const fits =
    codes?.elementType === 'int32' &&
    scale &&
    (!zeroPoint || zeroPoint.data.every((zero) => zero === 0)) &&
    Array.from(codes.data).every((_, index) => {
      const step = steps[steps.length === 1 ? 0 : index] ?? 0;
      return Math.abs((scale.data[scale.data.length === 1 ? 0 : index] ?? 0) - step) <= scaleTolerance * step;
    });
  return fits ? codes : undefined;
}

/** Whether scales go along the columns of a matrix. */
function alongColumns(editor: GraphEditor, { axis, codes }: Dequantized, columnAxis: number): boolean {
  if (axis === undefined) return true;
  const rank = editor.constant(codes)?.shape.length ?? 2;
  return rank === 2 && (axis < 0 ? axis + rank : axis) === columnAxis;
}

function fuseMatrixProduct(editor: GraphEditor, node: GraphNode): string | undefined {
  const product = operandsOf(editor, node);
  if (typeof product === 'string') return product;
  const { x, w, result } = product;
  const unfit = unfitFactor(product);
  if (unfit !== undefined) return unfit;
  if (!alongColumns(editor, w, 1)) return 'its weights have scales along another axis than that of the columns';
  const weights = editor.constant(w.codes);
  if ((weights?.shape.at(-2) ?? 0) > largestSum) return 'its sums do not fit 32 bits';
  const [xCodes, xScale, xZeroPoint] = quantizedInputs(editor, x);
  const [wCodes, wScale, wZeroPoint] = quantizedInputs(editor, w);
  if (result.quantizer) {
    const operands = [xCodes, xScale, xZeroPoint, wCodes, wScale, wZeroPoint];
    const inputs = [...operands, ...resultParameters(editor, result.quantizer)];
    const attributes = withBounds(node, codeBounds(editor, result.quantizer, result));
    const { outputs } = result.quantizer.node;
    return replace(editor, product, { operator: 'QLinearMatMul', domain: 'cuanta', inputs, outputs, attributes });
  }
  const columns = (weights?.shape.length ?? 0) > 1 ? weights?.shape.at(-1) : undefined;
  const bias = floatBias(editor, node, columns);
  const inputs = [xCodes, wCodes, xScale, wScale, xZeroPoint, wZeroPoint, ...(bias ? [bias.name] : [])];
  // Bounds stay nodes of their own: the operator has none.
  const alone = { ...product, result: { ...result, nodes: bias ? [bias.node] : [] } };
  const { outputs } = bias?.node ?? node;
  return replace(editor, alone, { operator: 'MatMulIntegerToFloat', domain: 'com.microsoft', inputs, outputs });
}

/** What is added to each column of a matrix product, where that is constant and nothing else reads the product. */
function floatBias(
  editor: GraphEditor,
  node: GraphNode,
  columns: number | undefined,
): { readonly name: string; readonly node: GraphNode } | undefined {
  const user = editor.onlyUser(node.outputs[0]);
  if (!isOnnx(user, 'Add')) return undefined;
  const [name] = user.inputs.filter((input) => input !== node.outputs[0]);
  const bias = editor.constant(name);
  const fits = bias?.elementType === 'float32' && bias.shape.length === 1 && bias.shape[0] === columns;
  return fits && name ? { name, node: user } : undefined;
}

function fuseGemm(editor: GraphEditor, node: GraphNode): string | undefined {
  const product = operandsOf(editor, node);
  if (typeof product === 'string') return product;
  const { x, w, result } = product;
  const transposed = Number(node.attributes.get('transB') ?? 0) !== 0;
  if (!alongColumns(editor, w, transposed ? 0 : 1)) {
    return 'its weights have scales along another axis than that of the columns';
  }
  const weights = editor.constant(w.codes);
  if ((weights?.shape[transposed ? 1 : 0] ?? 0) > largestSum) return 'its sums do not fit 32 bits';
  const columns = weights?.shape[transposed ? 0 : 1];
  const given = editor.constant(node.inputs[2]);
  if (given && (elementCount(given.shape) !== columns || given.shape.at(-1) !== columns)) {
    return 'its third input is not one number for each column';
  }
  if (given && Number(node.attributes.get('beta') ?? 1) !== 1) return 'its beta is not 1';
  const alpha = Number(node.attributes.get('alpha') ?? 1);
  const unfit = unfitFactor(product, alpha);
  if (unfit !== undefined) return unfit;
  const bias = integerBias(editor, product, (scale) => Math.fround(Math.fround(scale) * alpha));
  if (typeof bias !== 'string') return bias.reason;
  const attributes = new Map([...node.attributes].filter(([name]) => name !== 'beta'));
  const operands = [...quantizedInputs(editor, x), ...quantizedInputs(editor, w), bias];
  if (!result.quantizer) {
    const alone = { ...product, result: { ...result, nodes: [] } };
    const made = { operator: 'QGemm', domain: 'com.microsoft', inputs: operands, outputs: node.outputs, attributes };
    return replace(editor, alone, made);
  }
  const inputs = [...operands, ...resultParameters(editor, result.quantizer)];
  const bounds = codeBounds(editor, result.quantizer, result);
  return replace(editor, product, {
    operator: 'QGemm',
    domain: 'cuanta',
    inputs,
    outputs: result.quantizer.node.outputs,
    attributes: new Map<string, Attribute>([...attributes, ...bounds]),
  });
}
