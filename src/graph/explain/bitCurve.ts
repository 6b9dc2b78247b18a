/** Which widths to give to layers so that they fit a budget: from what each width of each layer costs and spoils. */
import { InvalidInput } from '../../base/errors.ts';
import { decibels } from './difference.ts';

/** One width of a layer, or the layer in float. */
export interface WidthCost {
  readonly bits: number | 'float';
  /** Of the weights and their scales. */
  readonly bytes: number;
  /** Noise by signal of the model's outputs with only this layer's weights at this width. */
  readonly noise: number;
  /** Of the layer by itself; there where time is what is short. */
  readonly milliseconds?: number;
}

/** What is short: bytes of weights, or time. */
export type BitResource = 'bytes' | 'milliseconds';

/** What the widths of a layer cost. */
export interface LayerCosts {
  readonly node: string;
  readonly widths: readonly WidthCost[];
}

/** A point of the curve of bytes or time against noise: no other choice has both less of it and less noise, as far as both add up. */
export interface BitPoint {
  readonly bytes: number;
  /** Of all layers by themselves; there where time is what is short. */
  readonly milliseconds?: number;
  /** SQNR of the outputs in decibels that the sum of the layers' noises predicts. */
  readonly sqnr: number;
  /** Bits by the name of the node. */
  readonly bits: Readonly<Record<string, number | 'float'>>;
}

/** Times of one run in milliseconds, on the adapter that measured them. */
export interface BitTimes {
  readonly budget: number;
  /** Of the float model, and what of it is not layers whose width is chosen. */
  readonly float: number;
  readonly rest: number;
  /** With the chosen widths: as the layers' times add up to the rest, and as measured. */
  readonly predicted: number;
  readonly measured: number;
}

/** Where weights are stored: as an ONNX model has them, 4 bits as int4 and other widths as int8; or n bits each. */
export type WeightStorage = 'onnx' | 'packed';

/** Widths of layers, and how they were chosen. */
export interface BitChoice {
  readonly storage: WeightStorage;
  /** Null where time is what is short. */
  readonly budgetBytes: number | null;
  /** Null where bytes are what is short. */
  readonly milliseconds: BitTimes | null;
  /** Of the weights of all layers and their scales, at the chosen widths. */
  readonly bytes: number;
  /**
   * SQNR in decibels: as the layers' noises add up, and as measured. Where bytes are short, of the outputs, or of what a final Softmax
   * reads, activations in float; where time is, of the outputs, activations as asked for.
   */
  readonly predictedSqnr: number;
  readonly measuredSqnr: number;
  /** Bits by the name of the node. */
  readonly bits: Readonly<Record<string, number | 'float'>>;
  /** From the fewest bytes, or the least time, to the least noise. */
  readonly curve: readonly Omit<BitPoint, 'bits'>[];
  /** What was measured. */
  readonly layers: readonly LayerCosts[];
}

/** A step from one width of a layer to a wider one. */
interface Step {
  readonly node: string;
  readonly to: WidthCost;
  /** Noise taken away for each byte or millisecond. */
  readonly gain: number;
}

/**
 * The curve of bytes or milliseconds against noise, from all layers at their cheapest to all at their best. Noises of layers are taken to add
 * up, which holds while they are small and independent. Each layer's widths are reduced to their lower convex hull; from the
 * cheapest on, the step that takes away most noise for each byte comes next, which is the choice that minimises
 * noise + λ·bytes for falling λ (Y. Shoham and A. Gersho, "Efficient bit allocation for an arbitrary set of quantizers",
 * IEEE Transactions on Acoustics, Speech and Signal Processing 36(9), 1988).
 *
 * @throws InvalidInput for a layer without widths
 */
export function bitCurve(layers: readonly LayerCosts[], resource: BitResource = 'bytes'): BitPoint[] {
  const chosen = new Map<string, WidthCost>();
  const steps: Step[] = [];
  for (const { node, widths } of layers) {
    const hull = lowerHull(widths, resource);
    const [cheapest] = hull;
    if (!cheapest) throw new InvalidInput(`The layer "${node}" has no widths to choose from; give at least one.`);
    chosen.set(node, cheapest);
    for (const [index, to] of hull.slice(1).entries())
      steps.push({ node, to, gain: -slope(hull[index] ?? to, to, resource) });
  }
  // Of a layer, gains fall from step to step, so that sorting keeps their order.
  steps.sort((left, right) => right.gain - left.gain);
  const curve = [pointOf(chosen, resource)];
  for (const { node, to } of steps) curve.push(pointOf(chosen.set(node, to), resource));
  return curve;
}

function pointOf(chosen: ReadonlyMap<string, WidthCost>, resource: BitResource): BitPoint {
  let [bytes, milliseconds, noise] = [0, 0, 0];
  for (const width of chosen.values()) {
    bytes += width.bytes;
    milliseconds += width.milliseconds ?? 0;
    noise += width.noise;
  }
  return {
    bytes,
    ...(resource === 'milliseconds' && { milliseconds }),
    sqnr: decibels(noise),
    bits: Object.fromEntries([...chosen].map(([node, { bits }]) => [node, bits])),
  };
}

/** How much of what is short a width or a choice takes. */
const costOf = (of: Pick<WidthCost, BitResource>, resource: BitResource): number => of[resource] ?? 0;

/**
 * The best point of the curve within a budget. @throws InvalidInput where even the cheapest is beyond it
 */
export function pointWithin<Point extends BitPoint>(
  curve: readonly Point[],
  budget: number,
  resource: BitResource = 'bytes',
): Point {
  const found = curve.filter((point) => costOf(point, resource) <= budget).at(-1);
  if (found) return found;
  const [first] = curve;
  const least = first ? costOf(first, resource) : 0;
  const [what, remedy] =
    resource === 'bytes' ? ['weights', 'raise it, or allow narrower widths'] : ['layers', 'raise it'];
  throw new InvalidInput(
    `The budget for ${what} is ${budget.toLocaleString('en')} ${resource}, but they take at least ${least.toLocaleString('en')}; ${remedy}.`,
  );
}

/** The widths that are best for some price of what is short, from the least of it to the least noise. */
function lowerHull(widths: readonly WidthCost[], resource: BitResource): WidthCost[] {
  const sorted = [...widths].sort(
    (left, right) => costOf(left, resource) - costOf(right, resource) || left.noise - right.noise,
  );
  const hull: WidthCost[] = [];
  for (const point of sorted) {
    const last = hull.at(-1);
    if (last && point.noise >= last.noise) continue;
    for (let top = hull.at(-1); top; top = hull.at(-1)) {
      const before = hull.at(-2);
      // Steeper than the step before it: the point between is above the line.
      if (!before || slope(before, top, resource) <= slope(top, point, resource)) break;
      hull.pop();
    }
    hull.push(point);
  }
  return hull;
}

/** Change of noise for each byte or millisecond: negative. */
const slope = (from: WidthCost, to: WidthCost, resource: BitResource): number =>
  (to.noise - from.noise) / (costOf(to, resource) - costOf(from, resource));
