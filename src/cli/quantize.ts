import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { noSamples, readCalibration, sampleOptions } from './calibrationFiles.ts';
import { type Command, perform, runtimeOption } from './command.ts';
import { describeDamage } from './damageText.ts';
import { readInput } from './inputFiles.ts';
import { savedInput } from './jobs/calibrateModel.ts';
import { type QuantizeModelParameters, type QuantizeModelReport, quantizeModel } from './jobs/quantizeModel.ts';
import { readModel } from './modelFiles.ts';
import { assertWritable, writeWhole } from './outputFiles.ts';
import { quantizationPage } from './quantizationPage.ts';
import {
  budgetOptions,
  calibrationOptions,
  quantizationOptions,
  readBudget,
  readQuantization,
  readSettings,
  smoothOption,
} from './quantizeOptions.ts';
import { formatNumber } from './text.ts';
import { choiceOption, integerOption, type ParsedOptions, requiredOption, textOption, UsageError } from './usage.ts';

const [calibrationOption, ...otherSampleOptions] = sampleOptions;

/** `cuanta quantize`: makes a model of few bits of a float one. */
export const quantizeCommand: Command = {
  name: 'quantize',
  arguments: '<model>',
  description: 'Quantize the weights and activations of an .onnx model to 8 bits or fewer',
  options: [
    {
      ...calibrationOption,
      description: `${calibrationOption.description}; or the .json file of --save-calibration, which needs no samples`,
    },
    ...otherSampleOptions,
    ...calibrationOptions,
    {
      name: '--save-calibration <file.json>',
      description:
        'Keep what calibration found, every few batches; where the file is there, go on after the samples that it has',
    },
    { name: '--save-every <batches>', description: 'Batches from one time to the next', default: 16 },
    ...quantizationOptions,
    {
      name: '--format <name>',
      description: 'Form of the result: qdq or qoperator, an .onnx file; safetensors, the weights alone',
      default: 'qdq',
    },
    ...budgetOptions,
    { name: '--output <file>', description: 'The file to write' },
    {
      name: '--report <file>',
      description: 'An .html file that says what it cost, layer by layer; with --json the document says it too',
    },
    {
      name: '--report-samples <count>',
      description: 'Of the samples, how many the report and the budgets run',
      default: 4,
    },
  ],
  example: 'quantize model.onnx --calibration samples.npy --output model.int8.onnx --json',
  run: async ([file = ''], options, reporter) => {
    const runtime = runtimeOption(options);
    const format = choiceOption(options, 'format', ['qdq', 'qoperator', 'safetensors']) ?? 'qdq';
    const quantization = readQuantization(options);
    const settings = readSettings(options, quantization.activations !== 'float');
    const smooth = smoothOption(options);
    const budget = readBudget(options);
    if (format === 'qoperator' && quantization.activations === 'float') {
      throw new UsageError('--format qoperator computes with codes, but activations stay in float; take qdq.');
    }
    const output = outputOption(options, format);
    const page = textOption(options, 'report');
    const samplesOf = page !== undefined ? '--report' : budget ? 'A budget' : undefined;
    const samples = await readSamples(options, quantization.activations, smooth, samplesOf);
    const { saved } = samples;
    const saveEvery = integerOption(options, 'save-every', 1, 2 ** 31 - 1);
    const comparedSamples = integerOption(options, 'report-samples', 1, 1_000_000);
    const { parameters, inputs } = readModel(file);
    for (const path of [output, page, saved]) if (path !== undefined) assertWritable(path, file);
    const { report, files } = await perform(
      quantizeModel,
      {
        ...parameters,
        ...samples.calibration,
        settings,
        saveEvery: saved === undefined ? null : saveEvery,
        quantization,
        equalize: options.equalize === true,
        smooth,
        format,
        comparedSamples,
        budget,
        explain: page !== undefined,
      },
      reporter,
      {
        runtime,
        inputs: { ...inputs, ...samples.inputs },
        onFile: (_name, bytes) => saved !== undefined && writeWhole(saved, bytes),
      },
    );
    writeWhole(output, files?.model ?? new Uint8Array());
    const calibrated = files?.[savedInput];
    if (saved !== undefined && calibrated) writeWhole(saved, calibrated);
    const { explanation } = report;
    if (page !== undefined && explanation) {
      const html = quantizationPage(explanation, basename(file), preparationOf(report));
      writeWhole(page, new TextEncoder().encode(html));
    }
    reporter.result({ ...report, output, ...(page !== undefined && { page }) }, () => describe(report, output, page));
  },
};

/** @throws UsageError for a name that says another format */
function outputOption(options: ParsedOptions, format: QuantizeModelParameters['format']): string {
  const output = requiredOption(options, 'output');
  const [own, other] = format === 'safetensors' ? ['.safetensors', '.onnx'] : ['.onnx', '.safetensors'];
  if (!output.toLowerCase().endsWith(other)) return output;
  throw new UsageError(`--output is ${output}, but --format ${format} writes ${own} files; change one of them.`);
}

/** What to calibrate with: samples, a calibration that was saved, or both, and where to save it. */
async function readSamples(
  options: ParsedOptions,
  activations: QuantizeModelReport['options']['activations'],
  smooth: number | null,
  samplesOf: string | undefined,
) {
  const saved = textOption(options, 'save-calibration');
  const isOptional = activations === 'float' && smooth === null;
  const path = isOptional ? textOption(options, 'calibration') : requiredOption(options, 'calibration');
  if (saved !== undefined && activations === 'float') {
    throw new UsageError('--save-calibration is given, but activations stay in float, whose ranges are not needed.');
  }
  const isSaved = path?.endsWith('.json') ?? false;
  if (isSaved && saved !== undefined) {
    throw new UsageError('--calibration is saved already; name samples there, or leave --save-calibration out.');
  }
  if (samplesOf !== undefined && (isSaved || path === undefined)) {
    throw new UsageError(
      `${samplesOf} needs samples; name them with --calibration${isSaved ? `, and ${path} with --save-calibration` : ''}.`,
    );
  }
  const hasNone = path === undefined || isSaved;
  if (hasNone && textOption(options, 'divide-by') !== undefined) {
    throw new UsageError('--divide-by is given, but no samples are; leave it out.');
  }
  const { inputs: files, ...calibration } = hasNone ? noSamples : await readCalibration(path, options);
  const former = isSaved ? path : saved;
  const isThere = former !== undefined && (isSaved || statSync(former, { throwIfNoEntry: false })?.isFile());
  const inputs = isThere ? { [savedInput]: readInput(former, 'Name a file of --save-calibration.') } : {};
  return { calibration, inputs: { ...files, ...inputs }, saved };
}

function describe(report: QuantizeModelReport, output: string, page: string | undefined): string {
  const { batches, calibration, quantized, skipped, bytes, explanation, bits } = report;
  const before = calibration && calibration.saved > 0 ? `, ${calibration.saved} of them saved before` : '';
  return [
    `${output}: ${bytes.quantized.toLocaleString('en')} bytes, of ${bytes.float.toLocaleString('en')}`,
    `calibrated with ${batches} batches${before}; ${quantized.length} nodes read quantized values`,
    ...preparationOf(report).map((each) => `before: ${each}`),
    ...(bits ? [describeBits(bits)] : []),
    ...skipped.map(({ node, reason }) => `in float: ${node}: ${reason}`),
    ...(explanation ? [`${describeDamage(explanation)}; all of it in ${page}`] : []),
  ].join('\n');
}

/** What was done to the float model before, in a few words each. */
function preparationOf({ options: { equalize, smooth }, smoothed }: QuantizeModelReport): string[] {
  const inputs = smoothed.length === 1 ? 'what 1 matrix product reads' : `what ${smoothed.length} matrix products read`;
  return [
    ...(equalize ? ['weights of channels made more equal between convolutions'] : []),
    ...(smooth === null ? [] : [`${inputs} smoothed with strength ${formatNumber(smooth)}`]),
  ];
}

function describeBits({ bits, bytes, milliseconds }: NonNullable<QuantizeModelReport['bits']>): string {
  const chosen = Object.values(bits);
  if (milliseconds) {
    const floats = chosen.filter((each) => each === 'float').length;
    return `${formatNumber(milliseconds.measured)} ms a run, of ${formatNumber(milliseconds.float)} in float: ${floats} of ${chosen.length} layers stay in float`;
  }
  const narrow = chosen.filter((each) => each !== 'float' && each < 8).length;
  return `${formatNumber(bytes)} bytes of weights: ${narrow} of ${chosen.length} layers below 8 bits`;
}
