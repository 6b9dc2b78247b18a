/** Observers on the CPU, as their definitions say, from the elements themselves. */

/** The cell of a number for cells that are `width` wide. */
const cellOf = (value: number, width: number): number => Math.floor(value / width);

/**
 * Elements other than 0 in each cell [i·w, (i + 1)·w) from that of min(0, least element) to that of max(0, greatest element),
 * where w is the least power of two, 2^−149 or more, that makes these cells at most 2,048.
 */
export function referenceHistogram(data: readonly number[]) {
  const minimum = data.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const maximum = data.reduce((greatest, value) => Math.max(greatest, value), Number.NEGATIVE_INFINITY);
  const cells = (exponent: number) => {
    const first = cellOf(Math.min(minimum, 0), 2 ** exponent);
    return { first, length: cellOf(Math.max(maximum, 0), 2 ** exponent) - first + 1 };
  };
  let exponent = -149;
  while (cells(exponent).length > 2048) exponent++;
  const { first, length } = cells(exponent);
  const counts = new Array<number>(length).fill(0);
  for (const value of data) {
    const place = cellOf(value, 2 ** exponent) - first;
    if (value !== 0) counts[place] = (counts[place] ?? 0) + 1;
  }
  return {
    minimum: minimum + 0,
    maximum: maximum + 0,
    exponent,
    first: first + 0,
    counts,
    zeros: data.filter((value) => value === 0).length,
  };
}

/** A 32-bit word mixed as in shaders/calib/mixing.wgsl. */
function mix(word: number): number {
  const a = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  const b = Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  return (b ^ (b >>> 16)) >>> 0;
}

/** Of each slot, the row of the greatest priority; rows whose slots are the last bits of their priorities, in that order. */
export function referenceSample(rows: readonly Float32Array<ArrayBuffer>[], slots: number) {
  const kept = new Map<number, { priority: number; logits: number[] }>();
  for (const row of rows) {
    const words = new Uint32Array(row.buffer, row.byteOffset, row.length);
    const sum = words.reduce((total, word, column) => (total + mix((word ^ mix(column)) | 0)) | 0, 0);
    const priority = Math.max(mix(sum), 1);
    const slot = priority % slots;
    if (priority > (kept.get(slot)?.priority ?? 0)) kept.set(slot, { priority, logits: Array.from(row) });
  }
  return [...kept].sort(([a], [b]) => a - b).map(([, row]) => row);
}

/** Least and greatest code, and the parameters of a range widened to 0, with zero points at codes from 0 up. */
function referenceParameters(minimum: number, maximum: number, bits: number, symmetric: boolean) {
  const [below, above] = [Math.max(-minimum, 0), Math.max(maximum, 0)];
  const steps = symmetric ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  const scale = (symmetric ? Math.max(below, above) : below + above) / steps || 1;
  const zeroPoint = symmetric ? 0 : Math.round(below / scale);
  return { scale, low: symmetric ? -steps : -zeroPoint, high: symmetric ? steps : steps - zeroPoint };
}

/** Numbers after quantization in a range. */
export function referenceQuantized(
  data: readonly number[],
  range: { minimum: number; maximum: number },
  bits: number,
  symmetric: boolean,
) {
  const { scale, low, high } = referenceParameters(range.minimum, range.maximum, bits, symmetric);
  return data.map((value) => scale * Math.min(Math.max(Math.round(value / scale), low), high));
}

/** The mean of squared differences. */
export function meanSquare(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + (value - (b[index] ?? 0)) ** 2, 0) / Math.max(a.length, 1);
}

/** Chances of a row of logits. */
export function referenceSoftmax(row: readonly number[]): number[] {
  const greatest = Math.max(...row);
  const powers = row.map((value) => Math.exp(value - greatest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** −Σ softmax(v) · log softmax(v̂). */
export function referenceCrossEntropy(row: readonly number[], quantized: readonly number[]): number {
  const greatest = Math.max(...quantized);
  const logSum = greatest + Math.log(quantized.reduce((sum, value) => sum + Math.exp(value - greatest), 0));
  return referenceSoftmax(row).reduce((sum, chance, index) => sum - chance * ((quantized[index] ?? 0) - logSum), 0);
}

/**
 * The divergences of an entropy calibration, with every distribution written out, by the number of cells that are kept:
 * `counts` of magnitudes, from `least` cells on, merged into `parts`. A last cell that is empty for want of elements within the
 * range counts 0.0001.
 */
export function referenceDivergences(counts: readonly number[], parts: number, least: number): Map<number, number> {
  const divergences = new Map<number, number>();
  for (let cells = least; cells <= counts.length; cells++) {
    const wanted = counts.slice(0, cells);
    wanted[cells - 1] = (wanted[cells - 1] ?? 0) + counts.slice(cells).reduce((sum, count) => sum + count, 0);
    const partOf = (cell: number): number => Math.floor((cell * parts) / cells);
    const sums = new Array<number>(parts).fill(0);
    const filled = new Array<number>(parts).fill(0);
    for (let cell = 0; cell < cells; cell++) {
      const count = counts[cell] ?? 0;
      sums[partOf(cell)] = (sums[partOf(cell)] ?? 0) + count;
      if (count > 0) filled[partOf(cell)] = (filled[partOf(cell)] ?? 0) + 1;
    }
    const merged = Array.from({ length: cells }, (_, cell) =>
      counts[cell] ? (sums[partOf(cell)] ?? 0) / (filled[partOf(cell)] ?? 0) : 0,
    );
    if (wanted[cells - 1] && !merged[cells - 1]) merged[cells - 1] = 1e-4;
    const [wantedSum, mergedSum] = [wanted, merged].map((values) => values.reduce((sum, value) => sum + value, 0)) as [
      number,
      number,
    ];
    let divergence = 0;
    wanted.forEach((count, cell) => {
      if (count === 0) return;
      divergence += (count / wantedSum) * Math.log(count / wantedSum / ((merged[cell] ?? 0) / mergedSum));
    });
    divergences.set(cells, divergence);
  }
  return divergences;
}

/** A weight between two values, and Adam's means, as `roundingStep` has them. */
export interface SoftWeight {
  readonly offset: number;
  readonly step: number;
  readonly logit: number;
  readonly first: number;
  readonly second: number;
}

/** One step of AdaRound with Adam for one weight, and its error after that. */
export function softStep(
  { offset, step, logit, first, second }: SoftWeight,
  product: number,
  { before, rate, regularization, exponent }: Record<'before' | 'rate' | 'regularization' | 'exponent', number>,
): SoftWeight & { readonly difference: number } {
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  const rectified = (x: number): number => Math.min(Math.max(1.2 * sigmoid(x) - 0.1, 0), 1);
  const h = rectified(logit);
  const inside = h > 0 && h < 1 && step !== 0;
  const slope = inside ? 1.2 * sigmoid(logit) * (1 - sigmoid(logit)) : 0;
  const side = 2 * h - 1;
  const pull = -2 * exponent * Math.sign(side) * Math.abs(side) ** (exponent - 1);
  const gradient = slope * (2 * step * product + regularization * pull);
  const means = { first: 0.9 * first + 0.1 * gradient, second: 0.999 * second + 0.001 * gradient ** 2 };
  const corrected = means.second / (1 - 0.999 ** (before + 1));
  const moved = logit - (rate * means.first) / (1 - 0.9 ** (before + 1)) / (Math.sqrt(corrected) + 1e-8);
  return { offset, step, logit: moved, ...means, difference: offset + step * rectified(moved) };
}
