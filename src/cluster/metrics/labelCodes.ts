import { InvalidInput, ShapeMismatch } from '../../base/errors.ts';

/** Labels as codes from 0, and the points of each. */
export interface LabelCodes {
  /** The code of each point: the place of its label among the different labels, ascending. */
  readonly codes: Int32Array<ArrayBuffer>;
  /** Points of each code. */
  readonly sizes: Int32Array<ArrayBuffer>;
}

/** A table instead of a map pays up to so many different values a point. */
const tableShare = 4;

/** @throws InvalidInput for a label that is no integer */
export function codesOf(labels: ArrayLike<number>, what: string): LabelCodes {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let point = 0; point < labels.length; point++) {
    const label = labels[point] as number;
    if (!Number.isSafeInteger(label)) {
      throw new InvalidInput(`${what}: label ${point} is ${label}; give whole numbers.`);
    }
    least = Math.min(least, label);
    most = Math.max(most, label);
  }
  const isDense = labels.length > 0 && most - least < tableShare * labels.length;
  return isDense ? codesByTable(labels, least, most) : codesByMap(labels);
}

function codesByTable(labels: ArrayLike<number>, least: number, most: number): LabelCodes {
  const counts = new Int32Array(most - least + 1);
  for (let point = 0; point < labels.length; point++) {
    const value = (labels[point] as number) - least;
    counts[value] = (counts[value] as number) + 1;
  }
  const codeOf = new Int32Array(counts.length);
  let different = 0;
  for (let value = 0; value < counts.length; value++) {
    codeOf[value] = different;
    if ((counts[value] as number) > 0) different++;
  }
  const codes = new Int32Array(labels.length);
  for (let point = 0; point < labels.length; point++)
    codes[point] = codeOf[(labels[point] as number) - least] as number;
  return { codes, sizes: counts.filter((count) => count > 0) };
}

/** For labels that are few beside how far they are apart. */
function codesByMap(labels: ArrayLike<number>): LabelCodes {
  const values = Array.from(labels);
  const different = [...new Set(values)].sort((a, b) => a - b);
  const codeOf = new Map(different.map((label, code) => [label, code]));
  const codes = Int32Array.from(values, (label) => codeOf.get(label) as number);
  const sizes = new Int32Array(different.length);
  for (const code of codes) sizes[code] = (sizes[code] as number) + 1;
  return { codes, sizes };
}

/**
 * The codes of labels that a metric can judge points by.
 * @throws ShapeMismatch for other than one label a point, InvalidInput for fewer than 2 clusters or as many as points
 */
export function clusterCodes(labels: ArrayLike<number>, rowCount: number, what: string): LabelCodes {
  if (labels.length !== rowCount) {
    throw new ShapeMismatch(`${what}: ${labels.length} labels for ${rowCount} points; give one label a point.`);
  }
  const coded = codesOf(labels, what);
  const { length } = coded.sizes;
  if (length < 2 || length >= rowCount) {
    throw new InvalidInput(
      `${what}: the labels make ${length} clusters of ${rowCount} points; it is defined for 2 to ${rowCount - 1} clusters.`,
    );
  }
  return coded;
}
