/** Quantizes the models of the page: what they are calibrated with, and what comes out. */
import {
  type CalibrateOptions,
  calibrate,
  InvalidInput,
  type Model,
  type ModelInputs,
  type QuantizedModel,
  type QuantizeModelOptions,
  quantizeModel,
} from '../../src/index.ts';
import { detectorInput } from './detection.ts';
import { type Quad, turned, withMargin } from './geometry.ts';
import { type Picture, Source, wholeOf } from './picture.ts';
import { classifierWidth, lineMargin, type ModelRole } from './reader.ts';
import { groupByWidth, type LineInput, lineInput, paddedWidth } from './recognition.ts';
import { drawLine, drawPage, textLines, textPage } from './textSet.ts';

/** What models are calibrated with: a picture in which lines were found, or drawn text. */
export interface CalibrationMaterial {
  readonly pictures: readonly Picture[];
  /** Lines of text, each in its picture; without margin. */
  readonly lines: readonly { readonly picture: Picture; readonly quad: Quad }[];
}

const linesPerPage = 8;
const linesAtOnce = 4;
/** Not those with which readings are judged: samples and `textLines` of small seeds. */
const drawnSeed = 9001;

/** The margin in the pictures of `drawLine`, in their heights: with the reader's around what is left, the whole is cut. */
const drawnMargin = lineMargin / (1 + 2 * lineMargin);

/** `count` drawn lines, and pages of as many. They are the same each time. */
export function drawnMaterial(count: number): CalibrationMaterial {
  const lines = textLines(count, drawnSeed).map((line) => {
    const picture = drawLine(line);
    return { picture, quad: withMargin(wholeOf(picture), -drawnMargin) };
  });
  const pages = Math.ceil(count / linesPerPage);
  return {
    pictures: Array.from({ length: pages }, (_, page) => drawPage(textPage(linesPerPage, drawnSeed + page))),
    lines,
  };
}

/** A picture, with the lines that were found in it. */
export function pictureMaterial(picture: Picture, quads: readonly Quad[]): CalibrationMaterial {
  return { pictures: [picture], lines: quads.map((quad) => ({ picture, quad })) };
}

/**
 * What a model gets when it reads the material, one line or picture at a time.
 *
 * @param longestSide to which pictures are shrunk for the detector at most, in pixels
 */
export function calibrationInputs(
  role: ModelRole,
  { pictures, lines }: CalibrationMaterial,
  longestSide: number,
): LineInput[] {
  if (role === 'detector') {
    return pictures.map((picture) => {
      const { data, width, height } = detectorInput(new Source(picture), longestSide);
      return { data, shape: [1, 3, height, width] };
    });
  }
  const sources = new Map(pictures.map((picture) => [picture, new Source(picture)]));
  const sourceOf = (picture: Picture): Source => sources.get(picture) ?? new Source(picture);
  if (role === 'classifier') {
    return lines.flatMap(({ picture, quad }) =>
      [quad, turned(quad)].map((each) => lineInput(sourceOf(picture), [each], classifierWidth)),
    );
  }
  const wide = lines.map(({ picture, quad }) => ({ picture, quad: withMargin(quad, lineMargin) }));
  const widthOf = (group: typeof wide): number => Math.max(...group.map(({ quad }) => paddedWidth(quad)));
  return groupByWidth(wide, ({ quad }) => quad, linesAtOnce).flatMap((group) =>
    // As the reader has them: beside lines that are a little longer.
    group.map(({ picture, quad }) => lineInput(sourceOf(picture), [quad], widthOf(group))),
  );
}

export interface QuantizeRoleOptions {
  readonly method: NonNullable<CalibrateOptions['method']>;
  readonly quantization: QuantizeModelOptions;
  /** Ends the work early, with `Aborted`. */
  readonly signal: AbortSignal;
  /** Told how much of the calibration is done, 0 … 1. */
  readonly onProgress: (done: number) => void;
}

/**
 * Calibrates and quantizes one of the models.
 *
 * @param inputs at least one, as `calibrationInputs` gives them
 * @throws Aborted, InvalidInput without inputs, and whatever `calibrate` and `quantizeModel` throw
 */
export async function quantizeRole(
  model: Model,
  inputs: readonly LineInput[],
  { method, quantization, signal, onProgress }: QuantizeRoleOptions,
): Promise<QuantizedModel> {
  if (inputs.length === 0) {
    throw new InvalidInput('There is no text in the picture to calibrate with; calibrate with drawn lines.');
  }
  const { engine, graph } = model;
  const name = graph.inputs[0]?.name ?? '';
  async function* batches(): AsyncGenerator<ModelInputs> {
    for (const input of inputs) {
      yield { [name]: { elementType: 'float32', ...input } };
      // So that what is told to be done is done, and the page can draw it.
      await engine.idle();
    }
  }
  const statistics = await calibrate(model, batches(), {
    method,
    signal,
    onProgress: (count) => onProgress(count / inputs.length),
  });
  return quantizeModel(model, statistics, quantization);
}
