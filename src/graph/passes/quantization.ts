/** What passes ask about quantized values. A text in place of an answer says why there is none. */
import { elementCount } from '../../base/shape.ts';
import type { GraphNode } from '../graph.ts';
import type { GraphEditor } from '../graphEditor.ts';
import { type ElementType, type HostTensor, hostTensor } from '../hostTensor.ts';

/** Element types of codes that integer kernels take. */
export type CodeType = 'int8' | 'uint8';

/** A float value as the codes that it is made from. */
export interface Dequantized {
  /** The DequantizeLinear. */
  readonly node: GraphNode;
  /** Name of the codes. */
  readonly codes: string;
  readonly codeType: CodeType;
  /** One element, or one for each place along `axis`. */
  readonly scale: HostTensor;
  /** Of the shape of the scale. */
  readonly zeroPoint: HostTensor;
  /** Undefined where one scale holds for all. */
  readonly axis: number | undefined;
}

/** A QuantizeLinear of one constant scale. */
export interface Quantizer {
  readonly node: GraphNode;
  /** Name of the codes. */
  readonly codes: string;
  readonly codeType: CodeType;
  readonly scale: HostTensor;
  readonly zeroPoint: HostTensor;
}

/** A node of ONNX's own domain. */
export type OnnxNode = GraphNode & { readonly domain: '' };

/** Whether a node is one of these operators of ONNX's own domain. */
export function isOnnx(node: GraphNode | undefined, ...operators: readonly string[]): node is OnnxNode {
  return node !== undefined && node.domain === '' && operators.includes(node.operator);
}

const isCodeType = (type: ElementType | undefined): type is CodeType => type === 'int8' || type === 'uint8';

/** Least and greatest code. */
export const codeRange = (type: CodeType): readonly [number, number] => (type === 'int8' ? [-128, 127] : [0, 255]);

/** Element type of codes, as far as it is known without planning. */
function codeTypeOf(editor: GraphEditor, name: string): ElementType | undefined {
  const maker = editor.maker(name);
  if (isOnnx(maker, 'QuantizeLinear')) return quantizedType(editor, maker);
  return editor.constant(name)?.elementType ?? editor.input(name)?.elementType;
}

/** ONNX's numbers of element types. */
const floatType = 1;
const outputTypes = new Map<unknown, ElementType>([
  [2, 'uint8'],
  [3, 'int8'],
]);

/** Element type that a QuantizeLinear makes; undefined where it is another than 8 bits. */
function quantizedType(editor: GraphEditor, node: GraphNode): ElementType | undefined {
  if (node.inputs[2]) return editor.constant(node.inputs[2])?.elementType;
  return outputTypes.get(node.attributes.get('output_dtype') ?? 2);
}

/** Scale and zero point of a node that quantizes or dequantizes. */
function parametersOf(
  editor: GraphEditor,
  { inputs, attributes }: GraphNode,
  type: ElementType | undefined,
): { readonly scale: HostTensor; readonly zeroPoint: HostTensor; readonly codeType: CodeType } | string {
  const scale = editor.constant(inputs[1]);
  if (!scale) return 'its scale is not constant';
  if (scale.elementType !== 'float32') return `its scale is ${scale.elementType}`;
  const bad = scale.data.find((step) => !(Number.isFinite(step) && step > 0));
  if (bad !== undefined) return `a scale is ${bad}`;
  if (Number(attributes.get('block_size') ?? 0) !== 0) return 'it has a scale for each block';
  const given = editor.constant(inputs[2]);
  if (inputs[2] && !given) return 'its zero point is not constant';
  const elementType = given?.elementType ?? type;
  if (elementType === undefined) return 'the type of its codes is not known';
  if (!isCodeType(elementType)) return `its codes are ${elementType}`;
  const zeros = () => hostTensor(elementType, scale.shape, new Array(elementCount(scale.shape)).fill(0));
  return { scale, zeroPoint: given ?? zeros(), codeType: elementType };
}

/** What a value is dequantized from. */
export function dequantized(editor: GraphEditor, name: string | undefined): Dequantized | string {
  const node = editor.maker(name);
  if (!isOnnx(node, 'DequantizeLinear')) return `${editor.maker(name)?.operator ?? 'what it reads'} gives floats`;
  return dequantizer(editor, node);
}

/** The same of a DequantizeLinear. */
export function dequantizer(editor: GraphEditor, node: GraphNode): Dequantized | string {
  const [codes = ''] = node.inputs;
  const resultType = node.attributes.get('output_dtype') ?? 0;
  if (resultType !== 0 && resultType !== floatType) return 'it makes other floats than float32';
  const parameters = parametersOf(editor, node, codeTypeOf(editor, codes));
  if (typeof parameters === 'string') return parameters;
  const single = elementCount(parameters.scale.shape) === 1;
  const axis = single ? undefined : Number(node.attributes.get('axis') ?? 1);
  return { node, codes, ...parameters, axis };
}

/** `dequantized` where one scale must hold for all. */
export function dequantizedAtOnce(editor: GraphEditor, name: string | undefined): Dequantized | string {
  const found = dequantized(editor, name);
  return typeof found === 'string' || found.axis === undefined ? found : 'it has a scale for each place of an axis';
}

/** The QuantizeLinear that a node is. */
export function quantizer(editor: GraphEditor, node: GraphNode): Quantizer | string {
  const parameters = parametersOf(editor, node, quantizedType(editor, node));
  if (typeof parameters === 'string') return parameters;
  if (elementCount(parameters.scale.shape) !== 1) return 'it has a scale for each place of an axis';
  return { node, codes: node.outputs[0] ?? '', ...parameters };
}

/** Whether codes mean the same numbers. */
export function sameQuantization(
  left: Pick<Quantizer, 'codeType' | 'scale' | 'zeroPoint'>,
  right: Pick<Quantizer, 'codeType' | 'scale' | 'zeroPoint'>,
): boolean {
  return (
    left.codeType === right.codeType &&
    left.scale.data.join() === right.scale.data.join() &&
    left.zeroPoint.data.join() === right.zeroPoint.data.join()
  );
}

/** The name of a constant as operators take it: an initializer, a scalar where it is one number. */
export function constantName(editor: GraphEditor, base: string | undefined, value: HostTensor): string {
  const single = elementCount(value.shape) === 1;
  const fits = base && editor.constant(base) === value && !editor.maker(base) && (!single || value.shape.length === 0);
  return fits ? base : editor.addInitializer(base || 'zero_point', single ? { ...value, shape: [] } : value);
}

/** Names of codes, scale and zero point, as integer operators take them. */
export function quantizedInputs(
  editor: GraphEditor,
  { codes, node, scale, zeroPoint }: Dequantized,
): [string, string, string] {
  return [codes, constantName(editor, node.inputs[1], scale), constantName(editor, node.inputs[2], zeroPoint)];
}

/** Names of scale and zero point that a result is quantized with. */
export function resultParameters(editor: GraphEditor, { node, scale, zeroPoint }: Quantizer): [string, string] {
  return [constantName(editor, node.inputs[1], scale), constantName(editor, node.inputs[2], zeroPoint)];
}

/** What becomes of a float result: bounds, and the QuantizeLinear behind them where there is one. */
export interface Result {
  /** The nodes that are computed with it. */
  readonly nodes: readonly GraphNode[];
  /** Name of the last float value. */
  readonly value: string;
  readonly lower: number | undefined;
  readonly upper: number | undefined;
  readonly quantizer: Quantizer | undefined;
  /** Why it is not quantized. */
  readonly reason: string;
}

/** Goes along Relu and Clip, from a float value that a node makes to the QuantizeLinear behind them. */
export function resultOf(editor: GraphEditor, name: string): Result {
  const nodes: GraphNode[] = [];
  let [value, lower, upper] = [name, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  let user = editor.onlyUser(value);
  for (; isOnnx(user, 'Relu', 'Clip'); user = editor.onlyUser(value)) {
    const bounds = boundsOf(editor, user);
    if (!bounds || user.inputs[0] !== value) break;
    const within = (x: number): number => Math.min(Math.max(x, bounds[0]), bounds[1]);
    [lower, upper] = [within(lower), within(upper)];
    nodes.push(user);
    value = user.outputs[0] ?? '';
  }
  const found = isOnnx(user, 'QuantizeLinear') ? quantizer(editor, user) : unquantized(editor, value, user);
  const bounds = {
    lower: lower === Number.NEGATIVE_INFINITY ? undefined : lower,
    upper: upper === Number.POSITIVE_INFINITY ? undefined : upper,
  };
  if (typeof found === 'string') return { nodes, value, ...bounds, quantizer: undefined, reason: found };
  return { nodes: [...nodes, found.node], value, ...bounds, quantizer: found, reason: '' };
}

function unquantized(editor: GraphEditor, value: string, user: GraphNode | undefined): string {
  if (user) return `${user.operator} reads its result as floats`;
  return editor.isOutput(value) ? 'its result is given out as floats' : 'its result is read by several nodes';
}

/** Bounds of a Relu or a Clip of constant bounds. */
function boundsOf(editor: GraphEditor, node: GraphNode): readonly [number, number] | undefined {
  if (node.operator === 'Relu') return [0, Number.POSITIVE_INFINITY];
  if (editor.opset() < 11) {
    const [low, high] = [node.attributes.get('min'), node.attributes.get('max')];
    return [Number(low ?? Number.NEGATIVE_INFINITY), Number(high ?? Number.POSITIVE_INFINITY)];
  }
  const bounds = [node.inputs[1], node.inputs[2]].map((name) => (name ? editor.constant(name)?.data[0] : undefined));
  const known = [node.inputs[1], node.inputs[2]].every((name, index) => !name || bounds[index] !== undefined);
  return known ? [bounds[0] ?? Number.NEGATIVE_INFINITY, bounds[1] ?? Number.POSITIVE_INFINITY] : undefined;
}

/** Attributes that keep a result's codes within its bounds; none where all codes are. */
export function codeBounds(
  editor: GraphEditor,
  { node, codeType, scale, zeroPoint }: Quantizer,
  { lower, upper }: Result,
): [string, number][] {
  // Rounding keeps the order, so that the codes of bounds bound the codes.
  const codeOf = (value: number): number => {
    const inputs = [hostTensor('float32', [], [value]), { ...scale, shape: [] }, { ...zeroPoint, shape: [] }];
    const [code] = editor.evaluate({ ...node, inputs: ['value', 'scale', 'zero_point'] }, inputs) ?? [];
    return code?.data[0] ?? Number.NaN;
  };
  const [least, greatest] = codeRange(codeType);
  const bounds: [string, number][] = [];
  if (lower !== undefined && codeOf(lower) > least) bounds.push(['lowest_code', codeOf(lower)]);
  if (upper !== undefined && codeOf(upper) < greatest) bounds.push(['highest_code', codeOf(upper)]);
  return bounds;
}

/** Notes at a node why it stays as it is. */
export function explain(editor: GraphEditor, node: GraphNode, reason: string): void {
  if (editor.has(node)) editor.update(node, { notFused: reason });
}
