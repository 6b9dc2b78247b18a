/** Quantizes the models of the page: what they are calibrated with, and what comes out. */
import { reviveError } from '../../src/cli/jobs/job.ts';
import { needsOf } from '../../src/cli/jobs/quantizeModel.ts';
import {
  Aborted,
  type CalibrateOptions,
  calibrate,
  InvalidInput,
  type Model,
  type ModelInputs,
  observeLayers,
  prepareWeights,
  type QuantizeModelOptions,
} from '../../src/index.ts';
import { detectorInput } from './detection.ts';
import { type Quad, turned, withMargin } from './geometry.ts';
import { type Picture, Source, wholeOf } from './picture.ts';
import type { QuantizeAnswer, QuantizedFile, QuantizeTask } from './quantizeWorker.ts';
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

/** What is done to a model, in this order; what a choice does not need is left out. */
export type QuantizeStage = 'ranges' | 'layers' | 'preparation' | 'weights';

export interface QuantizeRoleOptions {
  readonly method: NonNullable<CalibrateOptions['method']>;
  readonly quantization: QuantizeModelOptions;
  /** Ends the work early, with `Aborted`. */
  readonly signal: AbortSignal;
  /** Told what is being done, and how much of all is, 0 … 1. */
  readonly onProgress: (stage: QuantizeStage, done: number) => void;
}

/**
 * Calibrates and quantizes one of the models. The GPU runs it and prepares weights; they are rounded in a worker.
 *
 * @param inputs as `calibrationInputs` gives them; at least one where the model has to be run
 * @throws Aborted, InvalidInput without inputs, and whatever `calibrate`, `observeLayers`, `prepareWeights` and `quantizeModel` throw
 */
export async function quantizeRole(
  model: Model,
  inputs: readonly LineInput[],
  { method, quantization, signal, onProgress }: QuantizeRoleOptions,
): Promise<QuantizedFile> {
  const needs = needsOf(quantization);
  const isRun = needs.ranges || needs.layers;
  if (isRun && inputs.length === 0) {
    throw new InvalidInput('There is no text in the picture to calibrate with; calibrate with drawn lines.');
  }
  const { engine, source } = model;
  const stages: readonly QuantizeStage[] = [
    ...(['ranges', 'layers', 'preparation'] as const).filter((stage) => needs[stage]),
    'weights',
  ];
  const tell = (stage: QuantizeStage, done: number): void =>
    onProgress(stage, (stages.indexOf(stage) + done) / stages.length);
  const name = model.graph.inputs[0]?.name ?? '';
  async function* batches(): AsyncGenerator<ModelInputs> {
    for (const input of inputs) {
      yield { [name]: { elementType: 'float32', ...input } };
      // So that what is told to be done is done, and the page can draw it.
      await engine.idle();
    }
  }
  const watched = (stage: QuantizeStage) => ({
    signal,
    onProgress: (count: number) => tell(stage, count / inputs.length),
  });
  const statistics = needs.ranges ? await calibrate(model, batches(), { method, ...watched('ranges') }) : undefined;
  const layerInputs = needs.layers ? await observeLayers(model, batches(), watched('layers')) : undefined;
  const options: QuantizeModelOptions = { ...quantization, ...(layerInputs && { layerInputs }) };
  const prepared = needs.preparation
    ? await prepareWeights(model, statistics, options, {
        signal,
        onProgress: (done, all) => tell('preparation', done / all),
      })
    : undefined;
  const task: QuantizeTask = { source, statistics, options: { ...options, ...(prepared && { prepared }) } };
  return roundAside(task, signal, (done) => tell('weights', done));
}

/** Has a task done in a worker of its own, which ends with it. */
async function roundAside(
  task: QuantizeTask,
  signal: AbortSignal,
  onProgress: (done: number) => void,
): Promise<QuantizedFile> {
  const worker = new Worker(new URL('./quantizeWorker.ts', import.meta.url), { type: 'module' });
  try {
    return await new Promise((resolve, reject) => {
      const stop = (): void => reject(new Aborted('Rounding the weights was stopped; start it again.'));
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop);
      worker.addEventListener('error', ({ message }) => reject(new Error(`The worker failed: ${message}`)));
      worker.addEventListener('message', ({ data }: MessageEvent<QuantizeAnswer>) => {
        if ('done' in data) onProgress(data.done);
        else if ('error' in data) reject(reviveError(data.error));
        else resolve(data);
      });
      worker.postMessage(task);
    });
  } finally {
    worker.terminate();
  }
}
