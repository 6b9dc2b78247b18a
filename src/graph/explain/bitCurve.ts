/** Which widths to give to layers so that they fit a budget: from what each width of each layer costs and spoils. */
import { InvalidInput } from '../../base/errors.ts';
import { decibels } from './difference.ts';

/** One width of a layer. */
export interface WidthCost {
  readonly bits: number;
  /** Of the weights and their scales. */
  readonly bytes: number;
  /** Noise by signal of the model's outputs with only this layer's weights at this width. */
  readonly noise: number;
}

/** What the widths of a layer cost. */
export interface LayerCosts {
  readonly node: string;
  readonly widths: readonly WidthCost[];
}

/** A point of the curve of bytes against noise: no other choice has both fewer bytes and less noise, as far as noises add up. */
export interface BitPoint {
  readonly bytes: number;
  /** SQNR of the outputs in decibels that the sum of the layers' noises predicts. */
  readonly sqnr: number;
  /** Bits by the name of the node. */
  readonly bits: Readonly<Record<string, number>>;
}

/** Where weights are stored: as an ONNX model has them, 4 bits as int4 and other widths as int8; or n bits each. */
export type WeightStorage = 'onnx' | 'packed';

/** Widths of layers, and how they were chosen. */
export interface BitChoice {
  readonly storage: WeightStorage;
  readonly budgetBytes: number;
  /** Of the weights of all layers and their scales, at the chosen widths. */
  readonly bytes: number;
  /** SQNR of the outputs in decibels, activations in float: as the layers' noises add up, and as measured. */
  readonly predictedSqnr: number;
  readonly measuredSqnr: number;
  /** Bits by the name of the node. */
  readonly bits: Readonly<Record<string, number>>;
  /** From the fewest bytes to the least noise. */
  readonly curve: readonly Omit<BitPoint, 'bits'>[];
  /** What was measured. */
  readonly layers: readonly LayerCosts[];
}

/** A step from one width of a layer to a wider one. */
interface Step {
  readonly node: string;
  readonly to: WidthCost;
  /** Noise taken away for each byte. */
  readonly gain: number;
}

/**
 * The curve of bytes against noise, from all layers at their cheapest to all at their best. Noises of layers are taken to add
 * up, which holds while they are small and independent. Each layer's widths are reduced to their lower convex hull; from the
 * cheapest on, the step that takes away most noise for each byte comes next, which is the choice that minimises
 * noise + λ·bytes for falling λ (Y. Shoham and A. Gersho, "Efficient bit allocation for an arbitrary set of quantizers",
 * IEEE Transactions on Acoustics, Speech and Signal Processing 36(9), 1988).
 *
 * @throws InvalidInput for a layer without widths
 */
export function bitCurve(layers: readonly LayerCosts[]): BitPoint[] {
  const chosen = new Map<string, WidthCost>();
  const steps: Step[] = [];
  for (const { node, widths } of layers) {
    const hull = lowerHull(widths);
    const [cheapest] = hull;
    if (!cheapest) throw new InvalidInput(`The layer "${node}" has no widths to choose from; give at least one.`);
    chosen.set(node, cheapest);
    for (const [index, to] of hull.slice(1).entries()) steps.push({ node, to, gain: -slope(hull[index] ?? to, to) });
  }
  // Of a layer, gains fall from step to step, so that sorting keeps their order.
  steps.sort((left, right) => right.gain - left.gain);
  const curve = [pointOf(chosen)];
  for (const { node, to } of steps) curve.push(pointOf(chosen.set(node, to)));
  return curve;
}

function pointOf(chosen: ReadonlyMap<string, WidthCost>): BitPoint {
  let [bytes, noise] = [0, 0];
  for (const width of chosen.values()) [bytes, noise] = [bytes + width.bytes, noise + width.noise];
  return {
    bytes,
    sqnr: decibels(noise),
    bits: Object.fromEntries([...chosen].map(([node, { bits }]) => [node, bits])),
  };
}

/**
 * The best point of the curve within a budget. @throws InvalidInput where even the cheapest is beyond it
 */
export function pointWithin(curve: readonly BitPoint[], budgetBytes: number): BitPoint {
  const found = curve.filter(({ bytes }) => bytes <= budgetBytes).at(-1);
  if (found) return found;
  const least = curve[0]?.bytes ?? 0;
  throw new InvalidInput(
    `The budget for weights is ${budgetBytes.toLocaleString('en')} bytes, but they take at least ${least.toLocaleString('en')}; raise it, or allow narrower widths.`,
  );
}

/** The widths that are best for some price of a byte, from the fewest bytes to the least noise. */
function lowerHull(widths: readonly WidthCost[]): WidthCost[] {
  const sorted = [...widths].sort((left, right) => left.bytes - right.bytes || left.noise - right.noise);
  const hull: WidthCost[] = [];
  for (const point of sorted) {
    const last = hull.at(-1);
    if (last && point.noise >= last.noise) continue;
    for (let top = hull.at(-1); top; top = hull.at(-1)) {
      const before = hull.at(-2);
      // Steeper than the step before it: the point between is above the line.
      if (!before || slope(before, top) <= slope(top, point)) break;
      hull.pop();
    }
    hull.push(point);
  }
  return hull;
}

/** Change of noise for each byte: negative. */
const slope = (from: WidthCost, to: WidthCost): number => (to.noise - from.noise) / (to.bytes - from.bytes);
