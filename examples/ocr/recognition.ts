/** Before and after the models that read one line: the classifier of its direction and the recogniser. */
import { heightOf, lengthOf, type Quad } from './geometry.ts';
import { type Normalization, type Source, writePlanes } from './picture.ts';

const colours: Normalization = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] };
const lineHeight = 48;
/** Widths are rounded up to its multiples, so that few plans serve all lines. */
const widthStep = 32;

export interface LineInput {
  /** [lines, 3, 48, width] */
  readonly data: Float32Array<ArrayBuffer>;
  readonly shape: readonly [number, number, number, number];
}

/** Width of a line of text that is 48 pixels high. */
function widthOf(quad: Quad): number {
  return Math.max(Math.ceil((lineHeight * lengthOf(quad)) / Math.max(heightOf(quad), 1)), 1);
}

/** Width that the recogniser gets for a line. */
export function paddedWidth(quad: Quad): number {
  return Math.ceil(widthOf(quad) / widthStep) * widthStep;
}

/** Lines as the models take them: 48 high, squeezed where they are longer than `width`, zeros at their right. */
export function lineInput(source: Source, quads: readonly Quad[], width: number): LineInput {
  const plane = lineHeight * width;
  const data = new Float32Array(quads.length * 3 * plane);
  quads.forEach((quad, index) => {
    const line = source.cut(quad, Math.min(widthOf(quad), width), lineHeight);
    writePlanes(line, colours, data, { offset: index * 3 * plane, rowLength: width });
  });
  return { data, shape: [quads.length, 3, lineHeight, width] };
}

/**
 * Lines in groups that run through the recogniser together, shortest first: of at most `size`, the longest at most a
 * quarter longer than the shortest.
 */
export function groupByWidth<Line>(lines: readonly Line[], quadOf: (line: Line) => Quad, size: number): Line[][] {
  const sorted = lines
    .map((line) => ({ line, width: paddedWidth(quadOf(line)) }))
    .sort((left, right) => left.width - right.width);
  const groups: (typeof sorted)[] = [];
  for (const entry of sorted) {
    const group = groups.at(-1);
    const shortest = group?.[0];
    if (group && shortest && group.length < size && entry.width <= 1.25 * shortest.width) group.push(entry);
    else groups.push([entry]);
  }
  return groups.map((group) => group.map(({ line }) => line));
}

/** The characters of the recogniser's classes: nothing, the lines of its file of keys, a space. */
export function readKeys(file: string): string[] {
  return ['', ...file.replace(/\r?\n$/, '').split(/\r?\n/), ' '];
}

export interface LineText {
  readonly text: string;
  /** Mean probability of its characters, 0 … 1; 0 without any. */
  readonly confidence: number;
}

/**
 * The text of one line by the likeliest class at each step: repetitions are one character, class 0 is none
 * (Graves et al., "Connectionist Temporal Classification", 2006).
 *
 * @param probabilities [steps, classes]
 * @param keys characters of the classes
 */
export function decodeLine(probabilities: Float32Array, keys: readonly string[]): LineText {
  const characters: string[] = [];
  let sum = 0;
  let previous = 0;
  for (let start = 0; start < probabilities.length; start += keys.length) {
    let best = 0;
    for (let key = 1; key < keys.length; key++) {
      if ((probabilities[start + key] ?? 0) > (probabilities[start + best] ?? 0)) best = key;
    }
    if (best !== 0 && best !== previous) {
      characters.push(keys[best] ?? '');
      sum += probabilities[start + best] ?? 0;
    }
    previous = best;
  }
  return { text: characters.join('').trim(), confidence: characters.length === 0 ? 0 : sum / characters.length };
}
