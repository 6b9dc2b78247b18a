/** Which clusters of two clusterings are the same, so that they have the same colour. */

/** The colour of each cluster, as a number of the palette; none where it has none yet. */
export type ColourNumbers = readonly (number | undefined)[];

/** Clusters that have colours, by where they are. */
export interface ColouredPlaces {
  readonly numbers: ColourNumbers;
  /** Row-major [clusters, 3]. */
  readonly places: Float64Array;
}

/** Clusters that have colours, by the points they have. */
export interface ColouredLabels {
  readonly numbers: ColourNumbers;
  /** [rows]; −1 for noise. */
  readonly labels: Int32Array;
}

/** Points that are looked at where there are more. */
const mostSampled = 20_000;
const goldenRatio = (1 + Math.sqrt(5)) / 2;

interface Pair {
  readonly own: number;
  readonly number: number;
  /** The greater, the more alike. */
  readonly likeness: number;
}

/** Gives colours away, the most alike first, each once; what has one already keeps it. */
function giveAway(count: number, kept: ColourNumbers, pairs: Pair[]): (number | undefined)[] {
  const numbers = Array.from({ length: count }, (_, cluster) => kept[cluster]);
  const given = new Set(numbers);
  for (const { own, number } of pairs.sort((left, right) => right.likeness - left.likeness)) {
    if (numbers[own] !== undefined || given.has(number)) continue;
    numbers[own] = number;
    given.add(number);
  }
  return numbers;
}

/**
 * Gives clusters the colours of the nearest others.
 *
 * @param places row-major [clusters, 3]
 * @param kept colours that clusters have already
 */
export function numbersByPlace(
  places: Float64Array,
  kept: ColourNumbers,
  others: ColouredPlaces,
): (number | undefined)[] {
  const count = places.length / 3;
  const pairs: Pair[] = [];
  for (let own = 0; own < count; own++) {
    if (kept[own] !== undefined) continue;
    for (const [other, number] of others.numbers.entries()) {
      if (number === undefined) continue;
      const apart = [0, 1, 2].map((axis) => (places[own * 3 + axis] ?? 0) - (others.places[other * 3 + axis] ?? 0));
      pairs.push({ own, number, likeness: -Math.hypot(...apart) });
    }
  }
  return giveAway(count, kept, pairs);
}

/** Counts the points that clusters have in common with clusters of each colour, row-major [count, colours]. */
function commonPoints(labels: Int32Array, count: number, others: ColouredLabels, colours: number): Uint32Array {
  const common = new Uint32Array(count * colours);
  const sampled = Math.min(labels.length, mostSampled);
  for (let index = 0; index < sampled; index++) {
    // Evenly spread, whatever period the rows have.
    const row = sampled < labels.length ? Math.floor(((index * goldenRatio) % 1) * labels.length) : index;
    const own = labels[row] ?? -1;
    const number = others.numbers[others.labels[row] ?? -1];
    if (own < 0 || own >= count || number === undefined) continue;
    const cell = own * colours + number;
    common[cell] = (common[cell] ?? 0) + 1;
  }
  return common;
}

/**
 * Gives clusters the colours of those others that they have most points in common with; of many points, 20,000 are looked at.
 *
 * @param labels [rows]; −1 for noise
 * @param count clusters that get colours: the first ones
 * @param others clusterings of the same points
 */
export function numbersByOverlap(
  labels: Int32Array,
  count: number,
  others: readonly ColouredLabels[],
): (number | undefined)[] {
  const colours = Math.max(-1, ...others.flatMap(({ numbers }) => numbers.map((number) => number ?? -1))) + 1;
  const common = others.map((other) => commonPoints(labels, count, other, colours));
  const pairs: Pair[] = [];
  for (let cell = 0; cell < count * colours; cell++) {
    const likeness = common.reduce((sum, counts) => sum + (counts[cell] ?? 0), 0);
    if (likeness > 0) pairs.push({ own: Math.floor(cell / colours), number: cell % colours, likeness });
  }
  return giveAway(count, [], pairs);
}
