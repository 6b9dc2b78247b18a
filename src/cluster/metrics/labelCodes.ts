import { InvalidInput, ShapeMismatch } from '../../base/errors.ts';

/** Labels as codes from 0, and the points of each. */
export interface LabelCodes {
  /** The code of each point: the place of its label among the different labels, ascending. */
  readonly codes: Int32Array<ArrayBuffer>;
  /** Points of each code. */
  readonly sizes: Int32Array<ArrayBuffer>;
}

/** @throws InvalidInput for a label that is no integer */
export function codesOf(labels: ArrayLike<number>, what: string): LabelCodes {
  const values = Array.from(labels);
  const position = values.findIndex((label) => !Number.isSafeInteger(label));
  if (position >= 0) {
    throw new InvalidInput(`${what}: label ${position} is ${values[position]}; give whole numbers.`);
  }
  const different = [...new Set(values)].sort((a, b) => a - b);
  const codes = new Map(different.map((label, code) => [label, code]));
  const coded = Int32Array.from(values, (label) => codes.get(label) as number);
  const sizes = new Int32Array(different.length);
  for (const code of coded) sizes[code] = (sizes[code] as number) + 1;
  return { codes: coded, sizes };
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
