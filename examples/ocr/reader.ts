/** Reads pictures: finds lines of text, turns those that are upside down, and reads them. Runs in Node and in pages. */
import { throwIfAborted } from '../../src/base/abort.ts';
import { breathe } from '../../src/base/pieces.ts';
import { InvalidInput, type Model } from '../../src/index.ts';
import { detectorInput, findBoxes } from './detection.ts';
import { type Quad, turned, withMargin } from './geometry.ts';
import { type Picture, Source } from './picture.ts';
import { inReadingOrder } from './readingOrder.ts';
import { decodeLine, groupByWidth, type LineInput, type LineText, lineInput, paddedWidth } from './recognition.ts';

/** What each of the three models does. */
export const modelRoles = ['detector', 'classifier', 'recogniser'] as const;
export type ModelRole = (typeof modelRoles)[number];
export type OcrModels = Readonly<Record<ModelRole, Model>>;

/** The steps of a reading: the detector, the classifier and the recogniser at work. */
export const stages = ['detect', 'turn', 'read'] as const;
export type Stage = (typeof stages)[number];

export interface Line {
  /** Corners in the picture, clockwise from the upper left of the first letter. */
  readonly quad: Quad;
  /** Undefined until it is read. */
  readonly reading: LineText | undefined;
}

export interface ReadProgress {
  readonly stage: Stage;
  /** Lines that the stage has done, and how many it has; 0 and 1 while it detects. */
  readonly done: number;
  readonly total: number;
  /** All lines as they are known. */
  readonly lines: readonly Line[];
}

export interface ReadOptions {
  /** To which the picture is shrunk for the detector at most, in pixels; 960 unless given. */
  readonly longestSide?: number;
  /** How many lines run through a model at once at most; 4 unless given. */
  readonly linesAtOnce?: number;
  /** Ends the reading early, with `Aborted`. */
  readonly signal?: AbortSignal;
  /** Told after each step. */
  readonly onProgress?: (progress: ReadProgress) => void;
}

export interface PageText {
  /** In reading order. */
  readonly lines: readonly { readonly quad: Quad; readonly reading: LineText }[];
  readonly milliseconds: Readonly<Record<Stage, number>>;
}

/** Boxes that are read with less confidence are no text. */
const leastConfidence = 0.5;
/** A line is turned when the classifier is as sure as this that it is upside down. */
const leastCertainty = 0.9;
/** Width that the classifier gets for all lines. */
export const classifierWidth = 192;
/**
 * What the recogniser sees around a box, in heights of the line. Of 85 drawn lines, it loses a space in 23 without any, and
 * in none with this; more would show the lines above and below.
 */
export const lineMargin = 0.2;

/**
 * Runs a model with one picture input and gives its first output.
 *
 * @param shape of the output, with undefined where it is free
 */
async function infer(
  role: ModelRole,
  model: Model,
  input: LineInput,
  shape: readonly (number | undefined)[],
): Promise<Float32Array> {
  const names = model.graph.inputs.map(({ name }) => name);
  const [name] = names;
  if (name === undefined || names.length > 1) {
    throw new InvalidInput(`The ${role} has ${names.length} inputs, not one that is a picture; choose another model.`);
  }
  const outputs = [...model.run({ [name]: { elementType: 'float32', ...input } }).values()];
  try {
    const found = await outputs[0]?.read();
    const fits =
      found?.data instanceof Float32Array &&
      found.shape.length === shape.length &&
      shape.every((extent, axis) => extent === undefined || extent === found.shape[axis]);
    if (!fits) {
      throw new InvalidInput(
        `The ${role} gives ${found?.elementType} [${found?.shape}] for [${input.shape}], not float32 [${shape.map((extent) => extent ?? 'any')}]; choose a model of its kind.`,
      );
    }
    return found.data as Float32Array;
  } finally {
    for (const output of outputs) output.dispose();
  }
}

/**
 * Reads the text in a picture.
 *
 * @param keys characters of the recogniser's classes: `readKeys`
 * @throws Aborted, InvalidInput for a model of another kind, and whatever the models throw
 */
export async function readPicture(
  models: OcrModels,
  keys: readonly string[],
  picture: Picture,
  options: ReadOptions = {},
): Promise<PageText> {
  const { longestSide = 960, linesAtOnce = 4, signal, onProgress } = options;
  const milliseconds = { detect: 0, turn: 0, read: 0 };
  let lines: Line[] = [];
  const timed = async <Result>(stage: Stage, work: () => Promise<Result>): Promise<Result> => {
    await breathe();
    throwIfAborted(signal);
    const start = performance.now();
    const result = await work();
    milliseconds[stage] += performance.now() - start;
    throwIfAborted(signal);
    return result;
  };
  const tell = (stage: Stage, done: number, total: number): void => onProgress?.({ stage, done, total, lines });

  tell('detect', 0, 1);
  const source = new Source(picture);
  const boxes = await timed('detect', async () => {
    const { data, width, height } = detectorInput(source, longestSide);
    const map = await infer('detector', models.detector, { data, shape: [1, 3, height, width] }, [1, 1, height, width]);
    return inReadingOrder(findBoxes(map, { width, height }, picture), ({ quad }) => quad);
  });
  lines = boxes.map(({ quad }) => ({ quad, reading: undefined }));

  for (let start = 0; start < lines.length; start += linesAtOnce) {
    tell('turn', start, lines.length);
    const group = lines.slice(start, start + linesAtOnce);
    const directions = await timed('turn', () => {
      const quads = group.map(({ quad }) => quad);
      return infer('classifier', models.classifier, lineInput(source, quads, classifierWidth), [group.length, 2]);
    });
    const straight = group.map((line, index) =>
      (directions[2 * index + 1] ?? 0) > leastCertainty ? { ...line, quad: turned(line.quad) } : line,
    );
    lines = lines.toSpliced(start, group.length, ...straight);
  }

  const wide = lines.map(({ quad }) => withMargin(quad, lineMargin));
  const quadOf = (index: number): Quad => at(wide, index);
  let done = 0;
  for (const group of groupByWidth([...lines.keys()], quadOf, linesAtOnce)) {
    tell('read', done, lines.length);
    await timed('read', async () => {
      const quads = group.map(quadOf);
      const input = lineInput(source, quads, Math.max(...quads.map(paddedWidth)));
      const shape = [group.length, undefined, keys.length];
      const probabilities = await infer('recogniser', models.recogniser, input, shape);
      const each = probabilities.length / group.length;
      lines = [...lines];
      group.forEach((index, position) => {
        const reading = decodeLine(probabilities.subarray(position * each, (position + 1) * each), keys);
        lines[index] = { quad: at(lines, index).quad, reading };
      });
    });
    done += group.length;
  }
  tell('read', done, lines.length);
  const read = lines.flatMap(({ quad, reading }) =>
    reading && reading.confidence >= leastConfidence ? [{ quad, reading }] : [],
  );
  return { lines: read, milliseconds };
}

/** @throws Error for an index that is a defect of this file */
function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new Error(`There is no line ${index} among ${items.length}.`);
  return item;
}
