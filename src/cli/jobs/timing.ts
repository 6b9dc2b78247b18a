/** Times of several runs of the same work. */
export interface Distribution {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** How many runs these are the statistics of. */
  readonly runs: number;
}

/** Median (the mean of the middle two for an even count), least and greatest of at least one value. */
export function distributionOf(values: readonly number[]): Distribution {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return {
    median: (low + high) / 2,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
    runs: sorted.length,
  };
}

/** The same distribution in other units. */
export function scaled({ median, min, max, runs }: Distribution, factor: number): Distribution {
  return { median: median * factor, min: min * factor, max: max * factor, runs };
}
