import { basename } from 'node:path';
import { calibrationOption, readCalibration } from './calibrationFiles.ts';
import { type Command, perform, runtimeOption } from './command.ts';
import { describeDamage } from './damageText.ts';
import { type QuantizeModelReport, quantizeModel } from './jobs/quantizeModel.ts';
import { readModel } from './modelFiles.ts';
import { assertWritable, writeWhole } from './outputFiles.ts';
import { quantizationPage } from './quantizationPage.ts';
import { formatNumber } from './text.ts';
import {
  choiceOption,
  integerOption,
  magnitudeOption,
  type ParsedOptions,
  requiredOption,
  textOption,
} from './usage.ts';

const methods = ['minmax', 'moving-average', 'percentile', 'mse', 'entropy', 'cross-entropy'] as const;

/** `cuanta quantize`: makes an 8-bit model of a float one. */
export const quantizeCommand: Command = {
  name: 'quantize',
  arguments: '<model>',
  description: 'Quantize an .onnx model to 8-bit weights and activations, as ONNX QDQ',
  options: [
    calibrationOption,
    {
      name: '--method <name>',
      description: `How ranges are found: ${methods.slice(0, -1).join(', ')} or ${methods.at(-1)}`,
      default: 'minmax',
    },
    {
      name: '--averaging-constant <share>',
      description: 'Share of a new batch in moving averages, above 0 and up to 1',
      default: 0.1,
    },
    {
      name: '--granularity <name>',
      description: 'Scales of weights: one a channel or one a tensor',
      default: 'channel',
    },
    { name: '--activations <type>', description: 'Codes of activations: uint8 or int8', default: 'uint8' },
    {
      name: '--exclude <pattern>',
      description: 'Nodes that stay in float, * for any text; may be given several times',
    },
    {
      name: '--format <name>',
      description: 'Form of the result: qdq or qoperator, an .onnx file; safetensors, the weights alone',
      default: 'qdq',
    },
    {
      name: '--budget-bytes <bytes>',
      description:
        'Bytes for weights and their scales: each layer gets 8 or 4 bits (8 to 2 in safetensors), so that outputs suffer least',
    },
    { name: '--output <file>', description: 'The file to write' },
    {
      name: '--report <file>',
      description: 'An .html file that says what it cost, layer by layer; with --json the document says it too',
    },
    {
      name: '--report-samples <count>',
      description: 'Of the samples, how many the report and --budget-bytes run',
      default: 4,
    },
  ],
  example: 'quantize model.onnx --calibration samples.npy --output model.int8.onnx --json',
  run: async ([file = ''], options, reporter) => {
    const runtime = runtimeOption(options);
    const format = choiceOption(options, 'format', ['qdq', 'qoperator', 'safetensors']) ?? 'qdq';
    const method = choiceOption(options, 'method', methods) ?? 'minmax';
    const granularity = choiceOption(options, 'granularity', ['channel', 'tensor']) ?? 'channel';
    const signed = choiceOption(options, 'activations', ['uint8', 'int8']) === 'int8';
    const averagingConstant = magnitudeOption(options, 'averaging-constant');
    const output = requiredOption(options, 'output');
    const { calibration, stacked, inputs: samples } = readCalibration(requiredOption(options, 'calibration'));
    const page = textOption(options, 'report');
    const budgetBytes =
      textOption(options, 'budget-bytes') === undefined ? null : integerOption(options, 'budget-bytes', 1, 2 ** 40);
    const comparedSamples = integerOption(options, 'report-samples', 1, 1_000_000);
    const { parameters, inputs } = readModel(file);
    assertWritable(output, file);
    if (page !== undefined) assertWritable(page, file);
    const { report, files } = await perform(
      quantizeModel,
      {
        ...parameters,
        calibration,
        stacked,
        method,
        averagingConstant,
        granularity,
        signed,
        exclude: patterns(options),
        format,
        comparedSamples,
        budgetBytes,
        explain: page !== undefined,
      },
      reporter,
      { runtime, inputs: { ...inputs, ...samples } },
    );
    writeWhole(output, files?.model ?? new Uint8Array());
    const { explanation } = report;
    if (page !== undefined && explanation) {
      writeWhole(page, new TextEncoder().encode(quantizationPage(explanation, basename(file))));
    }
    reporter.result({ ...report, output, ...(page !== undefined && { page }) }, () => describe(report, output, page));
  },
};

function patterns({ exclude }: ParsedOptions): string[] {
  return exclude === undefined ? [] : [exclude].flat().map(String);
}

function describe(report: QuantizeModelReport, output: string, page: string | undefined): string {
  const { batches, quantized, skipped, bytes, explanation, bits } = report;
  const chosen = Object.values(bits?.bits ?? {});
  return [
    `${output}: ${bytes.quantized.toLocaleString('en')} bytes, of ${bytes.float.toLocaleString('en')}`,
    `calibrated with ${batches} batches; ${quantized.length} nodes read quantized values`,
    ...(bits
      ? [
          `${formatNumber(bits.bytes)} bytes of weights: ${chosen.filter((each) => each < 8).length} of ${chosen.length} layers below 8 bits`,
        ]
      : []),
    ...skipped.map(({ node, reason }) => `in float: ${node}: ${reason}`),
    ...(explanation ? [`${describeDamage(explanation)}; all of it in ${page}`] : []),
  ].join('\n');
}
