import type { Correctness, Share } from '../graph/evaluate.ts';
import { openPeers } from './benchModel.ts';
import { type Command, perform, runtimeOption } from './command.ts';
import { divideByOption, divisorOption, readInput, readSampleFile, sampleFormat } from './inputFiles.ts';
import {
  type DrawnSet,
  type EvaluateModelParameters,
  type EvaluateModelReport,
  evaluateModel,
  runEvaluateModel,
} from './jobs/evaluateModel.ts';
import type { Job } from './jobs/job.ts';
import type { TableParameters } from './jobs/labelledFiles.ts';
import { readModel, readQuantizedModel } from './modelFiles.ts';
import { textTable } from './text.ts';
import { integerOption, type ParsedOptions, requiredOption, textOption, UsageError } from './usage.ts';

/** `cuanta evaluate`: what quantization cost on labelled samples. */
export const evaluateCommand: Command = {
  name: 'evaluate',
  arguments: '<model>',
  description: 'Compare an .onnx model with the same quantized on labelled samples',
  options: [
    { name: '--quantized <model>', description: 'The same model quantized' },
    {
      name: '--set <name or file>',
      description:
        'ocr: drawn lines to read; ocr-directions: drawn lines, every other one upside down; a .csv of numbers with the label last; a .npy of samples stacked on axis 0; or the images of MNIST or Fashion-MNIST (IDX, such as t10k-images-idx3-ubyte.gz); all files may be .gz',
    },
    {
      name: '--labels <file>',
      description: 'Classes of the samples of a .npy or IDX file, in a file of the same kind: integers from 0 on',
    },
    { name: '--keys <file>', description: 'The characters of the recogniser, one a line: for the set ocr' },
    { name: '--samples <count>', description: 'Lines to draw', default: 500 },
    { name: '--seed <integer>', description: 'Seed of the drawn lines', default: 1 },
    divideByOption,
    { name: '--batch <count>', description: 'Samples of a file that run at once', default: 32 },
    { name: '--top <count>', description: 'First answers that count for top-k', default: 5 },
    {
      name: '--wasm [count]',
      description:
        'Compute with onnxruntime-web on the CPU, which is quick where there is no GPU, after comparing this many samples (20)',
    },
  ],
  example:
    'evaluate ch_PP-OCRv4_rec_infer.onnx --quantized rec.int8.onnx --set ocr --keys ppocr_keys_v1.txt --runtime chrome --wasm --json',
  run: async ([file = ''], options, reporter) => {
    const runtime = runtimeOption(options);
    const { set, inputs } = await readSet(options);
    const topK = integerOption(options, 'top', 1, 2 ** 31 - 1);
    const comparedSamples = comparedOption(options);
    const float = readModel(file);
    const quantized = readQuantizedModel(requiredOption(options, 'quantized'));
    const { report } = await perform(
      evaluateInNode,
      { ...float.parameters, quantized: quantized.parameters, set, topK, comparedSamples },
      reporter,
      { runtime, inputs: { ...float.inputs, ...quantized.inputs, ...inputs } },
    );
    reporter.result(report, () => describe(report));
  },
};

/** In this process there is no canvas. */
const evaluateInNode: Job<EvaluateModelParameters, EvaluateModelReport> = {
  ...evaluateModel,
  run: (engine, parameters, context) =>
    runEvaluateModel(engine, parameters, context, {
      drawnSet: undefined,
      openWasm: async () => (await openPeers()).wasm,
    }),
};

function comparedOption(options: ParsedOptions): number | null {
  if (options.wasm === undefined || options.wasm === false) return null;
  return options.wasm === true ? 20 : integerOption(options, 'wasm', 1, 2 ** 31 - 1);
}

interface ChosenSet {
  readonly set: DrawnSet | TableParameters;
  readonly inputs: Readonly<Record<string, Uint8Array>>;
}

/** @throws UsageError for options that do not belong to the set; InvalidInput for a file that cannot be read */
async function readSet(options: ParsedOptions): Promise<ChosenSet> {
  const name = requiredOption(options, 'set');
  const [labels, keys] = [textOption(options, 'labels'), textOption(options, 'keys')];
  if (name === 'ocr' || name === 'ocr-directions') {
    if (name === 'ocr' && keys === undefined) throw new UsageError('--set ocr needs --keys.');
    const samples = integerOption(options, 'samples', 1, 1_000_000);
    const seed = integerOption(options, 'seed', 0, 2 ** 32 - 1);
    const inputs = keys === undefined ? {} : { keys: readInput(keys, 'Name the file of the recogniser’s characters.') };
    return { set: { kind: name, samples, seed }, inputs };
  }
  const format = sampleFormat(name);
  if (!format) {
    throw new UsageError(
      `--set is ${JSON.stringify(name)}; it takes ocr, ocr-directions, a .csv, a .npy or an IDX file (…-idx3-ubyte).`,
    );
  }
  if ((format === 'csv') === (labels !== undefined)) {
    throw new UsageError(
      format === 'csv'
        ? 'The labels of a .csv file are its last column; leave --labels out.'
        : `--set of a .npy or IDX file needs --labels, a file of the same kind.`,
    );
  }
  const divideBy = divisorOption(options);
  const samples = await readSampleFile(name);
  return {
    set: { kind: 'table', format, divideBy, batch: integerOption(options, 'batch', 1, 2 ** 31 - 1) },
    inputs: labels === undefined ? { samples } : { samples, labels: await readSampleFile(labels) },
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function describe(report: EvaluateModelReport): string {
  const { samples, answers, float, quantized, agreement, difference, disagreements, runner, compared } = report;
  const cell = (share: Share | undefined): string =>
    share ? `${percent(share.share)} (${share.interval.map(percent).join(' … ')})` : '';
  const row = (title: string, { correct, topK }: Correctness): string[] => [title, cell(correct), cell(topK)];
  const [least, greatest] = difference.interval.map((share) => (100 * share).toFixed(2));
  return [
    textTable(
      ['model', 'correct (95 % interval)', `among the first ${answers}`],
      [row('float', float), row('quantized', quantized)],
    ),
    `${samples} samples, computed by ${runner}`,
    ...(compared
      ? [
          `of ${compared.samples} samples, Cuanta gives the same answer for ${compared.float} in float and ${compared.quantized} quantized`,
        ]
      : []),
    `difference ${(100 * difference.share).toFixed(2)} points (${least} … ${greatest}); both say the same for ${cell(agreement)}`,
    ...disagreements.map(
      ({ sample, label, float: before, quantized: after }) =>
        `sample ${sample}: ${JSON.stringify(label)} float ${JSON.stringify(before)}, quantized ${JSON.stringify(after)}`,
    ),
  ].join('\n');
}
