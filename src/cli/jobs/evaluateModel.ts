import { InvalidInput } from '../../base/errors.ts';
import type { Engine } from '../../gpu/engine.ts';
import {
  type Evaluation,
  type EvaluationSet,
  evaluateRunners,
  type LabelledBatch,
  runnerOf,
} from '../../graph/evaluate.ts';
import type { GraphValue } from '../../graph/graph.ts';
import { loadOnnx } from '../../onnx/load.ts';
import { quantizedModelOf } from './benchModel.ts';
import type { Job, JobContext, JobResult } from './job.ts';
import { labelledBatches, type TableParameters } from './labelledFiles.ts';
import { type ModelParameters, modelOf } from './model.ts';
import type { LoadModel } from './modelPeers.ts';

/** A set of drawn text: lines to read, or lines to tell upright from upside down. */
export interface DrawnSet {
  readonly kind: 'ocr' | 'ocr-directions';
  /** Number of lines. */
  readonly samples: number;
  readonly seed: number;
}

/** Which models to compare, on what. */
export interface EvaluateModelParameters extends ModelParameters {
  /** The same model quantized, whose files are the job's inputs with `quantizedPrefix`. */
  readonly quantized: ModelParameters;
  /** Files are the job's inputs `samples` and `labels`; the characters of a reader are its input `keys`. */
  readonly set: DrawnSet | TableParameters;
  /** How many first answers count for top-k. */
  readonly topK: number;
  /** Computes the models in ONNX Runtime Web on the CPU, after comparing the answers for this many samples; null: here. */
  readonly comparedSamples: number | null;
}

/** How both models answered. */
export interface EvaluateModelReport extends Evaluation {
  /** Who computed the models. */
  readonly runner: string;
  /** How often Cuanta and the runner gave the same answer; null where the runner is Cuanta. */
  readonly compared: { readonly samples: number; readonly float: number; readonly quantized: number } | null;
}

/** What the place where a job runs brings. */
export interface EvaluationTools {
  /** Draws text and reads answers, with batches that can be gone through again; undefined where there is no canvas. */
  readonly drawnSet: ((set: DrawnSet, inputName: string, keys: Uint8Array | undefined) => EvaluationSet) | undefined;
  /** Loads a model into ONNX Runtime Web. */
  readonly openWasm: () => Promise<LoadModel>;
}

/** Compares the model in the input `model` with its quantized form. */
export async function runEvaluateModel(
  engine: Engine,
  parameters: EvaluateModelParameters,
  { inputs, onProgress, signal }: JobContext,
  { drawnSet, openWasm }: EvaluationTools,
): Promise<JobResult<EvaluateModelReport>> {
  const sources = { float: modelOf(parameters, inputs), quantized: quantizedModelOf(parameters.quantized, inputs) };
  onProgress?.('reading the models');
  using float = await loadOnnx(engine, sources.float.bytes, sources.float);
  using quantized = await loadOnnx(engine, sources.quantized.bytes, sources.quantized);
  const ours = { float: runnerOf(float), quantized: runnerOf(quantized) };
  const set = openSet(parameters.set, onlyInput(float.graph.inputs), inputs, drawnSet);
  const { topK, comparedSamples } = parameters;
  const options = { topK, ...(signal && { signal }) };
  const tell = (samples: number): void => onProgress?.(`${samples} samples done`);
  if (comparedSamples === null) {
    const found = await evaluateRunners(ours, set, { ...options, onProgress: tell });
    return { report: { ...found, runner: 'Cuanta', compared: null } };
  }
  const load = await openWasm();
  const theirs = { float: await load(sources.float), quantized: await load(sources.quantized) };
  try {
    const compare = async (which: 'float' | 'quantized') => {
      const pair = { float: ours[which], quantized: theirs[which] };
      const few = { ...set, batches: firstSamples(set.batches, comparedSamples) };
      return evaluateRunners(pair, few, {
        ...options,
        onProgress: (samples) => onProgress?.(`comparing with onnxruntime-web, ${which}: ${samples} samples`),
      });
    };
    const [floats, codes] = [await compare('float'), await compare('quantized')];
    const found = await evaluateRunners(theirs, set, { ...options, onProgress: tell });
    const compared = { samples: floats.samples, float: floats.agreement.count, quantized: codes.agreement.count };
    return { report: { ...found, runner: theirs.float.name, compared } };
  } finally {
    for (const runner of [theirs.float, theirs.quantized]) runner.dispose();
  }
}

/** The evaluation without tools: these come with the command line and with the page. */
export const evaluateModel: Pick<Job<EvaluateModelParameters, EvaluateModelReport>, 'name' | 'page'> = {
  name: 'evaluateModel',
  page: 'bench/',
};

function openSet(
  set: DrawnSet | TableParameters,
  input: GraphValue,
  files: JobContext['inputs'],
  drawnSet: EvaluationTools['drawnSet'],
): EvaluationSet {
  if (set.kind === 'table') return { batches: labelledBatches(set, input, files) };
  if (!drawnSet) {
    throw new InvalidInput(`The set ${set.kind} is drawn on a canvas, which there is in Chrome; use --runtime chrome.`);
  }
  return drawnSet(set, input.name, files.keys);
}

function onlyInput(declared: readonly GraphValue[]): GraphValue {
  const [input] = declared;
  if (input && declared.length === 1) return input;
  throw new InvalidInput(`The model has ${declared.length} inputs; only models with one can be evaluated.`);
}

async function* firstSamples(batches: EvaluationSet['batches'], count: number): AsyncGenerator<LabelledBatch> {
  let samples = 0;
  for await (const batch of batches) {
    if (samples >= count) return;
    samples += batch.labels.length;
    yield batch;
  }
}
