import { Aborted, InvalidInput } from '../base/errors.ts';
import type { HostTensor } from './hostTensor.ts';
import type { Model } from './model.ts';
import { differenceInterval, type Interval, proportionInterval } from './proportions.ts';

/** What a sample is: the number of a class, or a text. */
export type Label = number | string;

/** Some samples, as the model takes them at once, and what they are. */
export interface LabelledBatch {
  /** Inputs of the model by name. */
  readonly inputs: Readonly<Record<string, HostTensor>>;
  /** One label a sample. */
  readonly labels: readonly Label[];
}

/** Samples of which it is known what they are. */
export interface EvaluationSet {
  readonly batches: Iterable<LabelledBatch> | AsyncIterable<LabelledBatch>;
  /**
   * What a model says that each sample of a batch is, the likeliest first: `rankClasses` of the first output unless given.
   *
   * @param count how many are asked for at most
   */
  readonly predict?: (outputs: ReadonlyMap<string, HostTensor>, count: number) => readonly (readonly Label[])[];
}

export interface EvaluateOptions {
  /** A sample counts for `topK` when its label is among this many first ones; an integer above 0, 5 unless given. */
  readonly topK?: number;
  /** Ends the work early, with `Aborted`. */
  readonly signal?: AbortSignal;
  /** Told after each batch how many samples are done. */
  readonly onProgress?: (samples: number) => void;
}

/** A share of the samples. */
export interface Share {
  readonly count: number;
  /** `count` by the number of samples, 0 … 1. */
  readonly share: number;
  /** 95 % confidence interval of the share, by Wilson's score. */
  readonly interval: Interval;
}

/** How right a model is. */
export interface Correctness {
  /** Its first answer is the label: accuracy of classes, exact match of texts. */
  readonly correct: Share;
  /** The label is among the first `topK`; absent where a model gives one answer only. */
  readonly topK?: Share;
}

/** A float and a quantized model on the same samples: plain data. */
export interface Evaluation {
  readonly samples: number;
  /** How many first answers `topK` looks at. */
  readonly answers: number;
  readonly float: Correctness;
  readonly quantized: Correctness;
  /** Samples for which both give the same first answer, right or wrong. */
  readonly agreement: Share;
  /** Share that is correct quantized, less the float one; with its 95 % confidence interval, for these are pairs. */
  readonly difference: { readonly share: number; readonly interval: Interval };
  /** The first samples for which the answers differ, ten at most. `sample` counts from 0. */
  readonly disagreements: readonly {
    readonly sample: number;
    readonly label: Label;
    readonly float: Label | null;
    readonly quantized: Label | null;
  }[];
}

/** Anything that computes a model: from inputs on the CPU to outputs there. */
export interface Runner {
  run(inputs: Readonly<Record<string, HostTensor>>): Promise<ReadonlyMap<string, HostTensor>>;
}

const shownDisagreements = 10;

/** A model as a `Runner`. */
export function runnerOf(model: Model): Runner {
  return {
    async run(inputs) {
      const outputs = [...model.run(inputs)];
      try {
        return new Map(await Promise.all(outputs.map(async ([name, output]) => [name, await output.read()] as const)));
      } finally {
        for (const [, output] of outputs) output.dispose();
      }
    },
  };
}

/**
 * Compares a float model and the same quantized on labelled samples.
 *
 * ```ts
 * const found = await evaluate(model, quantized.model, { batches: [{ inputs: { x }, labels: [3] }] });
 * found.difference; // share of right answers lost or won, and how sure that is
 * ```
 *
 * @throws InvalidInput for no samples, or a batch with more or fewer labels than answers; Aborted; whatever `run` throws
 */
export function evaluate(
  float: Model,
  quantized: Model,
  set: EvaluationSet,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  return evaluateRunners({ float: runnerOf(float), quantized: runnerOf(quantized) }, set, options);
}

/** `evaluate` for models that are computed elsewhere. */
export async function evaluateRunners(
  runners: { readonly float: Runner; readonly quantized: Runner },
  { batches, predict = rankFirst }: EvaluationSet,
  { topK = 5, signal, onProgress }: EvaluateOptions = {},
): Promise<Evaluation> {
  if (!Number.isInteger(topK) || topK < 1) {
    throw new InvalidInput(`topK is ${topK}; give an integer above 0.`);
  }
  const pairs: Pair[] = [];
  for await (const { inputs, labels } of batches) {
    if (signal?.aborted) throw new Aborted('The evaluation was stopped before its end; start it again.');
    const answersOf = async (runner: Runner): Promise<readonly (readonly Label[])[]> => {
      const answers = predict(await runner.run(inputs), topK);
      if (answers.length === labels.length) return answers;
      throw new InvalidInput(
        `A batch has ${labels.length} labels, but the model gives answers for ${answers.length} samples; give a label for each.`,
      );
    };
    const [float, quantized] = [await answersOf(runners.float), await answersOf(runners.quantized)];
    labels.forEach((label, index) => {
      pairs.push({ label, float: float[index] ?? [], quantized: quantized[index] ?? [] });
    });
    onProgress?.(pairs.length);
  }
  if (pairs.length === 0) throw new InvalidInput('There are no samples to evaluate with; give at least one.');
  return summarize(pairs, topK);
}

/** The answers for one sample. */
interface Pair {
  readonly label: Label;
  readonly float: readonly Label[];
  readonly quantized: readonly Label[];
}

function summarize(pairs: readonly Pair[], topK: number): Evaluation {
  const samples = pairs.length;
  const shareOf = (isCounted: (pair: Pair) => boolean): Share => {
    const count = pairs.filter(isCounted).length;
    return { count, share: count / samples, interval: proportionInterval(count, samples) };
  };
  const correctness = (of: 'float' | 'quantized'): Correctness => {
    const correct = shareOf((pair) => pair[of][0] === pair.label);
    if (!pairs.some((pair) => pair[of].length > 1)) return { correct };
    return { correct, topK: shareOf((pair) => pair[of].includes(pair.label)) };
  };
  const isRight = (pair: Pair, of: 'float' | 'quantized'): boolean => pair[of][0] === pair.label;
  const lost = pairs.filter((pair) => isRight(pair, 'float') && !isRight(pair, 'quantized')).length;
  const won = pairs.filter((pair) => !isRight(pair, 'float') && isRight(pair, 'quantized')).length;
  const different = [...pairs.entries()].filter(([, { float, quantized }]) => float[0] !== quantized[0]);
  return {
    samples,
    answers: topK,
    float: correctness('float'),
    quantized: correctness('quantized'),
    agreement: shareOf(({ float, quantized }) => float[0] === quantized[0]),
    difference: { share: (won - lost) / samples, interval: differenceInterval(won, lost, samples) },
    disagreements: different.slice(0, shownDisagreements).map(([sample, { label, float, quantized }]) => ({
      sample,
      label,
      float: float[0] ?? null,
      quantized: quantized[0] ?? null,
    })),
  };
}

function rankFirst(outputs: ReadonlyMap<string, HostTensor>, count: number): number[][] {
  const [first] = outputs.values();
  if (!first) throw new InvalidInput('The model has no output to rank classes of.');
  return rankClasses(first, count);
}

/**
 * The classes of greatest value for each sample, greatest first; of equal ones, the lower number first.
 *
 * @param scores [samples, classes], with any axes of length 1 between or behind them
 * @throws InvalidInput for scores of another shape
 */
export function rankClasses({ data, shape }: HostTensor, count: number): number[][] {
  const [samples = 0, ...rest] = shape;
  const classes = rest.reduce((product, length) => product * length, 1);
  if (shape.length < 2 || Math.max(...rest) !== classes) {
    throw new InvalidInput(
      `The output has shape [${shape}], not [samples, classes]; give \`predict\` for a model of another kind.`,
    );
  }
  return Array.from({ length: samples }, (_, sample) => {
    const scores = data.subarray(sample * classes, (sample + 1) * classes);
    const order = Array.from({ length: classes }, (_unused, index) => index);
    // Sorting is stable: the lower number stays first.
    return order.sort((left, right) => (scores[right] ?? 0) - (scores[left] ?? 0)).slice(0, count);
  });
}
