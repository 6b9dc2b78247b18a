/** Whether a model computes with integers alone, and what does not. */
import { InvalidQuantization } from '../base/errors.ts';
import { type Graph, type GraphNode, usedNames } from './graph.ts';

/** A node that computes with floats. */
export interface FloatNode {
  readonly node: string;
  readonly operator: string;
  /** Why it is not computed with integers, where that is known. */
  readonly reason: string | undefined;
}

/** What a model computes with integers, and what with floats. */
export interface IntegerOnly {
  /** True where what the model is given is quantized first, and is codes until the last DequantizeLinear. */
  readonly holds: boolean;
  /** Nodes that compute with codes alone. */
  readonly integerCount: number;
  /** Nodes whose floats are quantized, directly or later: what keeps the model from being integer-only. */
  readonly between: readonly FloatNode[];
  /** Nodes behind the last DequantizeLinear, such as a Softmax: their results may differ between machines. */
  readonly behind: readonly FloatNode[];
}

/** Operators of floats or whatever that make codes or other integers. */
const makingIntegers =
  /^(QuantizeLinear|DynamicQuantizeLinear|QLinear.*|Lookup|ConvInteger|MatMulInteger|Shape|Size|Arg(Max|Min)|NonZero|IsNaN|IsInf|Equal|Greater.*|Less.*|And|Or|Xor|Not)$/;
const makingFloats = /^(DequantizeLinear|.*ToFloat)$/;
/** Operators that leave elements as they are: floats that are only moved are the same everywhere. */
const moving =
  /^(Reshape|Transpose|Flatten|Squeeze|Unsqueeze|Slice|Split|Gather|Pad|MaxPool|Expand|Tile|DepthToSpace|SpaceToDepth|Identity|Concat)$/;
/** Exact wherever they run. */
const quantizing = /quantizeLinear$/i;
const knownFromShapes = /^(Shape|Size)$/;
/** ONNX's numbers of float types. */
const floatTypes: ReadonlySet<unknown> = new Set([1, 10, 11, 16]);

/**
 * Looks for floats in a graph as it is run, that is, with its passes: a value is a float or an integer as its node says, as
 * far as it depends on what the model is given.
 */
export function integerOnly(graph: Graph): IntegerOnly {
  const given = new Map(graph.inputs.map(({ name, elementType }) => [name, /float|undefined/.test(`${elementType}`)]));
  const isFloat = new Map<string, boolean>(given);
  const constants = new Map([...graph.initializers].map(([name, { elementType }]) => [name, elementType]));
  for (const node of graph.nodes) {
    const inputs = usedNames(node).filter((name) => isFloat.has(name));
    if (inputs.length === 0 || knownFromShapes.test(node.operator)) continue;
    for (const name of node.outputs) isFloat.set(name, makesFloats(node, isFloat, constants));
  }
  const depending = graph.nodes.filter(({ outputs }) => outputs.some((name) => isFloat.has(name)));
  const quantizedLater = new Set<string>();
  for (const node of [...depending].reverse()) {
    const counts =
      /^(Dynamic)?QuantizeLinear$/.test(node.operator) || node.outputs.some((name) => quantizedLater.has(name));
    if (counts) for (const name of usedNames(node)) quantizedLater.add(name);
  }
  const floats = (node: GraphNode): boolean =>
    [...usedNames(node), ...node.outputs].some((name) => isFloat.get(name)) && !quantizing.test(node.operator);
  const isBetween = (node: GraphNode): boolean => {
    const later = node.outputs.some((name) => quantizedLater.has(name));
    return later && ((floats(node) && !moving.test(node.operator)) || node.operator === 'DequantizeLinear');
  };
  const between = depending.filter(isBetween);
  const behind = depending.filter((node) => floats(node) && !node.outputs.some((name) => quantizedLater.has(name)));
  const integerCount = depending.filter((node) => !floats(node) && !quantizing.test(node.operator)).length;
  return {
    holds: between.length === 0 && integerCount > 0,
    integerCount,
    between: between.map(describe),
    behind: behind.map(describe),
  };
}

function makesFloats(
  node: GraphNode,
  isFloat: ReadonlyMap<string, boolean>,
  constants: ReadonlyMap<string, string>,
): boolean {
  const { operator, inputs, attributes } = node;
  if (makingFloats.test(operator)) return true;
  if (makingIntegers.test(operator)) return false;
  // Codes where it has a scale for its result.
  if (operator === 'QGemm') return !inputs[7];
  if (operator === 'Cast') return floatTypes.has(attributes.get('to'));
  if (operator === 'If') return usedNames(node).some((name) => isFloat.get(name) ?? false);
  const [first = ''] = operator === 'Where' ? inputs.slice(1) : inputs;
  return isFloat.get(first) ?? /float/.test(constants.get(first) ?? 'float');
}

const describe = ({ name, operator, notFused }: GraphNode): FloatNode => ({ node: name, operator, reason: notFused });

/** @throws InvalidQuantization that lists every node that computes with floats between quantized values */
export function assertIntegerOnly(graph: Graph): void {
  const { holds, between } = integerOnly(graph);
  if (holds) return;
  if (between.length === 0) {
    throw new InvalidQuantization(
      'The model computes nothing with integers: it is not quantized. Quantize it first (cuanta quantize).',
    );
  }
  const lines = between.map(({ node, operator, reason }) => `- ${operator} "${node}"${reason ? `: ${reason}` : ''}`);
  throw new InvalidQuantization(
    `The model is not integer-only: ${between.length} node(s) compute floats that are quantized later:\n${lines.join('\n')}\nQuantize these layers too, or load the model without integerOnly.`,
  );
}
