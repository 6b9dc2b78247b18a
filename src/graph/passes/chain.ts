import { type Curve, identityCurve } from '../../base/curve.ts';
import type { GraphNode } from '../graph.ts';
import type { GraphEditor } from '../graphEditor.ts';
import type { HostTensor } from '../hostTensor.ts';

/** No bounds. */
const { lower, upper } = identityCurve;

const isLinear = (curve: Curve): boolean =>
  curve.kind === 'bounds' && !curve.gated && curve.lower === lower && curve.upper === upper;

/** A bounded linear function in its normal form: the scale and the shift moved inwards. */
function bounds(curve: Curve, low = lower, high = upper): Curve | undefined {
  const inward = inwards(curve);
  if (!inward) return undefined;
  // Clip to the new bounds after the old ones: the lower bound first, as min(max(x, low), high) has it.
  const clip = (value: number): number => Math.min(Math.max(value, low), high);
  return { ...inward, lower: clip(inward.lower), upper: clip(inward.upper) };
}

/** The same bounded linear function with scale 1 and shift 0; undefined for any other. */
function inwards({ scale, shift, ...curve }: Curve): Curve | undefined {
  if (curve.kind !== 'bounds' || curve.gated || scale === 0) return undefined;
  const at = (value: number): number => value * scale + shift;
  const ends = [at(curve.lower), at(curve.upper)].sort((a, b) => a - b);
  const [least = lower, most = upper] = ends;
  return {
    ...curve,
    slope: curve.slope * scale,
    offset: at(curve.offset),
    lower: least,
    upper: most,
    scale: 1,
    shift: 0,
  };
}

/** factor · curve + summand. */
function scaled(curve: Curve, factor: number, summand: number): Curve {
  const outer = { ...curve, scale: curve.scale * factor, shift: curve.shift * factor + summand };
  return inwards(outer) ?? outer;
}

/** A smooth function of what must be a linear one. */
function smooth(curve: Curve, kind: Curve['kind'], factor = 1): Curve | undefined {
  return isLinear(curve) ? { ...scaled(curve, factor, 0), kind } : undefined;
}

/** The product of two curves of the same value, where one is proportional to it. */
function product(a: Curve, b: Curve): Curve | undefined {
  const [line, gate] = isLinear(a) && a.offset === 0 ? [a, b] : [b, a];
  if (!isLinear(line) || line.offset !== 0 || gate.gated || gate.shift !== 0) return undefined;
  return { ...gate, gated: true, scale: gate.scale * line.slope };
}

/** A chain as far as one node. */
export interface Step {
  readonly curve: Curve;
  /** True where a constant or a function tells that the values are floats. */
  readonly float: boolean;
  /** Axes of the constants: the result has as many at least. */
  readonly rank: number;
}

/** The value that a chain starts from. */
export const start: Step = { curve: identityCurve, float: false, rank: 0 };

/** What a node makes of values that are curves of one value; undefined where that is no curve. */
export function stepOf(editor: GraphEditor, node: GraphNode, steps: ReadonlyMap<string, Step>): Step | undefined {
  if (node.domain !== '') return undefined;
  const operation = operations[node.operator];
  if (!operation) return undefined;
  const given = node.inputs.map((name): Step | HostTensor | undefined => steps.get(name) ?? scalar(editor, name));
  // Whatever else it reads is no constant, or one of several elements.
  if (given.some((input, index) => !input && node.inputs[index])) return undefined;
  const inputs = given.map((input) => (input && 'data' in input ? input.data[0] : input));
  const curve = operation(inputs, (name, fallback) => {
    const value = node.attributes.get(name) ?? fallback;
    return typeof value === 'number' ? value : Number.NaN;
  });
  if (!curve || !isUsable(curve)) return undefined;
  const float =
    curve.kind !== 'bounds' ||
    onlyFloats.includes(node.operator) ||
    inputs.some((input) => typeof input === 'number' || input?.float);
  const ranks = given.map((input) => (input && 'data' in input ? input.shape.length : (input?.rank ?? 0)));
  return { curve, float, rank: Math.max(...ranks) };
}

/** Functions that integers do not have, among those that give bounds. */
const onlyFloats: readonly string[] = ['HardSigmoid', 'HardSwish'];

/** False where a function became constant, or left the range of float32. */
function isUsable({ slope, offset, lower: least, upper: most, scale, shift }: Curve): boolean {
  const fits = [slope, offset, scale, shift].every((value) => Number.isFinite(Math.fround(value)));
  return fits && Math.fround(slope) !== 0 && Math.fround(scale) !== 0 && least <= most;
}

/** A constant of one float32 element. */
function scalar(editor: GraphEditor, name: string): HostTensor | undefined {
  const constant = editor.constant(name);
  return constant?.elementType === 'float32' && constant.data.length === 1 ? constant : undefined;
}

type Operand = Step | number | undefined;
type Operation = (
  inputs: readonly Operand[],
  attribute: (name: string, fallback: number) => number,
) => Curve | undefined;

/** A function of one curve. */
const of =
  (apply: (curve: Curve, attribute: (name: string, fallback: number) => number) => Curve | undefined): Operation =>
  ([input], attribute) =>
    typeof input === 'object' ? apply(input.curve, attribute) : undefined;

/** A function of a curve and a number, in this order and the other, and of two curves. */
const combining =
  (
    right: (curve: Curve, value: number) => Curve | undefined,
    left: (value: number, curve: Curve) => Curve | undefined,
    both: (a: Curve, b: Curve) => Curve | undefined = () => undefined,
  ): Operation =>
  ([a, b]) => {
    if (typeof a === 'object' && typeof b === 'number') return right(a.curve, b);
    if (typeof a === 'number' && typeof b === 'object') return left(a, b.curve);
    return typeof a === 'object' && typeof b === 'object' ? both(a.curve, b.curve) : undefined;
  };

const operations: Readonly<Record<string, Operation>> = {
  Add: combining(
    (curve, value) => scaled(curve, 1, value),
    (value, curve) => scaled(curve, 1, value),
  ),
  Sub: combining(
    (curve, value) => scaled(curve, 1, -value),
    (value, curve) => scaled(curve, -1, value),
  ),
  Mul: combining(
    (curve, value) => scaled(curve, value, 0),
    (value, curve) => scaled(curve, value, 0),
    product,
  ),
  Div: combining(
    (curve, value) => scaled(curve, 1 / value, 0),
    () => undefined,
  ),
  Neg: of((curve) => scaled(curve, -1, 0)),
  Relu: of((curve) => bounds(curve, 0)),
  Clip: ([x, low, high], attribute) => {
    if (typeof x !== 'object' || typeof low === 'object' || typeof high === 'object') return undefined;
    return bounds(x.curve, low ?? attribute('min', lower), high ?? attribute('max', upper));
  },
  HardSigmoid: of((curve, attribute) => bounds(scaled(curve, attribute('alpha', 0.2), attribute('beta', 0.5)), 0, 1)),
  HardSwish: of((curve) => {
    const gate = isLinear(curve) ? bounds(scaled(curve, 1 / 6, 0.5), 0, 1) : undefined;
    return gate && product(curve, gate);
  }),
  Sigmoid: of((curve) => smooth(curve, 'logistic')),
  Tanh: of((curve) => smooth(curve, 'tangent')),
  Swish: of((curve, attribute) => {
    const gate = smooth(curve, 'logistic', attribute('alpha', 1));
    return gate && product(curve, gate);
  }),
  // erf z = 2 Φ(√2 z) - 1.
  Erf: of((curve) => {
    const distribution = smooth(curve, 'normal', Math.SQRT2);
    return distribution && scaled(distribution, 2, -1);
  }),
  Gelu: of((curve) => {
    const gate = smooth(curve, 'normal');
    return gate && product(curve, gate);
  }),
};
