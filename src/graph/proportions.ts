/** Confidence intervals of shares, at 95 %. */

/** From least to greatest. */
export type Interval = readonly [least: number, greatest: number];

/** Standard deviations to either side that hold 95 % of a normal distribution. */
const deviations = 1.959963984540054;

/**
 * Interval of a share of which `count` of `total` were seen: the score interval of Wilson, 1927, which is right near 0 and 1
 * too.
 *
 * @param total above 0
 */
export function proportionInterval(count: number, total: number): Interval {
  const squared = deviations ** 2;
  const centre = (count + squared / 2) / (total + squared);
  const half = (deviations * Math.sqrt((count * (total - count)) / total + squared / 4)) / (total + squared);
  // Exactly 0 and 1 where rounding would miss them.
  return [count === 0 ? 0 : centre - half, count === total ? 1 : centre + half];
}

/**
 * Interval of the difference of two shares seen on the same samples: Wald's with half a pair added to each of the four kinds
 * (Agresti and Min, "Simple improved confidence intervals for comparing matched proportions", 2005).
 *
 * @param won samples that only the second has
 * @param lost samples that only the first has
 */
export function differenceInterval(won: number, lost: number, total: number): Interval {
  const [more, less, count] = [won + 0.5, lost + 0.5, total + 2];
  const middle = (more - less) / count;
  const half = (deviations * Math.sqrt(more + less - (more - less) ** 2 / count)) / count;
  return [Math.max(middle - half, -1), Math.min(middle + half, 1)];
}
