import type { CodeFormat } from '../quant/parameters.ts';
import { type Histogram, magnitudesOf } from './histogram.ts';
import { type ParameterRange, within } from './searchRange.ts';

/** Cells of the least range that is tried. */
const leastCells = 128;
/** What an empty cell counts as where it stands for elements beyond a range: ONNX Runtime's. */
const nearlyNone = 1e-4;

/**
 * The range with the least Kullback–Leibler divergence, by the conventions of NVIDIA's calibrators: of the histogram of
 * magnitudes, ranges of 128 cells and more are tried, one cell apart. For each, P is what was counted, with what lies beyond
 * in the last cell; Q is what was counted within it, merged into as many equal parts as there are positive codes (2ⁿ⁻¹, or
 * 2ⁿ where asymmetric codes stand for numbers of one sign) and spread evenly over the cells of a part that are not empty. Where
 * that leaves the last cell empty, so that the divergence would be infinite, it counts 0.0001 as in ONNX Runtime. Of equals
 * the widest range is taken. Zeros, which keep their value, count on neither side.
 *
 * Method: S. Migacz, "8-bit Inference with TensorRT" (GTC 2017).
 */
export function entropyRange(histogram: Histogram, { bits, scheme }: CodeFormat): ParameterRange {
  const { minimum, maximum, exponent } = histogram;
  const oneSided = scheme === 'asymmetric' && (minimum >= 0 || maximum <= 0);
  const parts = 2 ** (oneSided ? bits : bits - 1);
  const counts = magnitudesOf(histogram);
  const cells = counts.length;
  const sums = runningSums(counts);
  const filled = runningSums(counts.map((count) => (count > 0 ? 1 : 0)));
  const logs = runningSums(counts.map(timesLog));
  const between = (values: Float64Array, from: number, to: number): number => (values[to] ?? 0) - (values[from] ?? 0);
  let best = { length: cells, divergence: Number.POSITIVE_INFINITY };
  for (let length = Math.max(leastCells, parts); length <= cells; length++) {
    const total = sums[cells] ?? 0;
    const inside = sums[length] ?? 0;
    const last = counts[length - 1] ?? 0;
    const beyond = total - inside;
    if (inside === 0) continue;
    const added = last === 0 && beyond > 0 ? nearlyNone : 0;
    // Σ P log P, and Σ P log Q, with P and Q as they were counted.
    const own = (logs[length] ?? 0) - timesLog(last) + timesLog(last + beyond);
    let cross = 0;
    let lastLevel = Math.log(nearlyNone);
    for (let part = 0; part < parts; part++) {
      const [from, to] = [Math.ceil((part * length) / parts), Math.ceil(((part + 1) * length) / parts)];
      const count = between(sums, from, to);
      if (count === 0) continue;
      const level = Math.log(count / between(filled, from, to));
      cross += count * level;
      if (part === parts - 1 && last > 0) lastLevel = level;
    }
    const divergence = (own - cross - beyond * lastLevel) / total - Math.log(total / (inside + added));
    if (divergence <= best.divergence) best = { length, divergence };
  }
  const limit = best.length * 2 ** exponent;
  return within(histogram, -limit, limit);
}

const timesLog = (count: number): number => (count > 0 ? count * Math.log(count) : 0);

/** Sums of the values before each place, and of all. */
function runningSums(values: readonly number[]): Float64Array {
  const sums = new Float64Array(values.length + 1);
  values.forEach((value, index) => {
    sums[index + 1] = (sums[index] ?? 0) + value;
  });
  return sums;
}
