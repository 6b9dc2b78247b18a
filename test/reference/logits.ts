/** How alike two sets of logits are to whoever samples from them. */
import { referenceSoftmax } from './calib.ts';

/**
 * Shares of rows whose likeliest token stays the only likeliest (`top1`), and of pairs of tokens within the nucleus of
 * `topShare` of the original's chances that stay in their order (`order`). Pairs that become equal count half, as a coin would decide.
 */
export function agreement(
  rows: readonly (readonly number[])[],
  quantized: readonly (readonly number[])[],
  topShare = 0.9,
) {
  let top1 = 0;
  let pairs = 0;
  let kept = 0;
  rows.forEach((row, index) => {
    const other = quantized[index] ?? [];
    const at = (token: number | undefined) => other[token ?? 0] ?? 0;
    const chances = referenceSoftmax(row);
    const order = [...row.keys()].sort((a, b) => (row[b] ?? 0) - (row[a] ?? 0));
    const greatest = other.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    const equals = other.filter((value) => value === greatest).length;
    if (at(order[0]) === greatest) top1 += 1 / equals;
    let total = 0;
    const nucleus = order.filter((token) => {
      const within = total < topShare;
      total += chances[token] ?? 0;
      return within;
    });
    nucleus.forEach((token, place) => {
      for (const next of nucleus.slice(place + 1)) {
        pairs++;
        kept += at(token) > at(next) ? 1 : at(token) === at(next) ? 0.5 : 0;
      }
    });
  });
  return { top1: top1 / rows.length, order: pairs === 0 ? 1 : kept / pairs };
}
