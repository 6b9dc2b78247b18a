import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidInput } from '../base/errors.ts';
import { type Command, perform, runtimeOption } from './command.ts';
import { readInput } from './inputFiles.ts';
import {
  type CalibrationFiles,
  calibrationInput,
  type QuantizeModelReport,
  quantizeModel,
} from './jobs/quantizeModel.ts';
import { readModel } from './modelFiles.ts';
import { assertWritable, writeWhole } from './outputFiles.ts';
import { choiceOption, magnitudeOption, type ParsedOptions, requiredOption } from './usage.ts';

const methods = ['minmax', 'moving-average', 'percentile', 'mse', 'entropy', 'cross-entropy'] as const;

/** `cuanta quantize`: makes an 8-bit model of a float one. */
export const quantizeCommand: Command = {
  name: 'quantize',
  arguments: '<model>',
  description: 'Quantize an .onnx model to 8-bit weights and activations, as ONNX QDQ',
  options: [
    {
      name: '--calibration <path>',
      description:
        'Samples: one .npy file, stacked on axis 0; or a folder of .npy files, a sample each, with a subfolder per input where there are several',
    },
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
    { name: '--output <file>', description: 'The file to write' },
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
    const { parameters, inputs } = readModel(file);
    assertWritable(output, file);
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
      },
      reporter,
      { runtime, inputs: { ...inputs, ...samples } },
    );
    writeWhole(output, files?.model ?? new Uint8Array());
    reporter.result({ ...report, output }, () => describe(report, output));
  },
};

function patterns({ exclude }: ParsedOptions): string[] {
  return exclude === undefined ? [] : [exclude].flat().map(String);
}

interface Calibration {
  readonly calibration: readonly CalibrationFiles[];
  readonly stacked: boolean;
  readonly inputs: Readonly<Record<string, Uint8Array>>;
}

/** Reads the samples in a file or a folder. @throws InvalidInput */
function readCalibration(path: string): Calibration {
  const remedy = 'Name a .npy file, or a folder of such files.';
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    const inputs = { [calibrationInput(0, 0)]: readInput(path, remedy) };
    return { calibration: [{ name: null, count: 1 }], stacked: true, inputs };
  }
  const entries = readdirSync(path, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const groups = (folders.length > 0 ? folders.sort() : [null]).map((name) => {
    const folder = name === null ? path : join(path, name);
    // By number where names differ in one, so that the samples of several inputs belong together.
    const files = readdirSync(folder).filter((each) => each.endsWith('.npy'));
    files.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    return { name, files: files.map((each) => join(folder, each)) };
  });
  const [count = 0] = groups.map(({ files }) => files.length);
  const other = groups.find(({ files }) => files.length !== count);
  if (count === 0) throw new InvalidInput(`There is no .npy file in ${path}. ${remedy}`);
  if (other) {
    throw new InvalidInput(
      `${path} has ${count} samples for "${groups[0]?.name}" and ${other.files.length} for "${other.name}". Give as many for each input.`,
    );
  }
  const inputs = groups.flatMap(({ files }, place) =>
    files.map((each, index) => [calibrationInput(place, index), readInput(each, remedy)] as const),
  );
  const calibration = groups.map(({ name, files }) => ({ name, count: files.length }));
  return { calibration, stacked: false, inputs: Object.fromEntries(inputs) };
}

function describe({ batches, quantized, skipped, bytes }: QuantizeModelReport, output: string): string {
  return [
    `${output}: ${bytes.quantized.toLocaleString('en')} bytes, of ${bytes.float.toLocaleString('en')}`,
    `calibrated with ${batches} batches; ${quantized.length} nodes read quantized values`,
    ...skipped.map(({ node, reason }) => `in float: ${node}: ${reason}`),
  ].join('\n');
}
