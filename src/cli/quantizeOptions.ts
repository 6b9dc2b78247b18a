/** The options of `cuanta quantize` that say how a model is quantized and calibrated. */
import type { CalibrationMethod } from '../calib/statistics.ts';
import type {
  LayerOptions,
  RoundingMethod,
  WeightGranularity,
  WeightQuantizer,
} from '../graph/quantization/options.ts';
import type { CommandOption } from './command.ts';
import type { JobBudget, JobQuantization } from './jobs/quantizeModel.ts';
import type { CalibrationSettings } from './jobs/savedCalibration.ts';
import {
  assignmentsOption,
  choiceOption,
  integerOption,
  magnitudeOption,
  type ParsedOptions,
  textOption,
  UsageError,
} from './usage.ts';

const methods: readonly CalibrationMethod[] = [
  'minmax',
  'moving-average',
  'percentile',
  'mse',
  'entropy',
  'cross-entropy',
];
const schemes = ['symmetric', 'asymmetric'] as const;
const roundings: readonly RoundingMethod[] = ['nearest', 'gptq', 'descent', 'adaround'];
const quantizers: readonly WeightQuantizer[] = ['uniform', 'codebook', 'nf4'];
const usualGroup = 32;
/** That of the paper on SmoothQuant for most models. */
const usualStrength = 0.5;

/** How ranges of activations are found. */
export const calibrationOptions: readonly CommandOption[] = [
  {
    name: '--method <name>',
    description: `How ranges are found: ${list(methods)}; minmax unless given, or as saved`,
  },
  {
    name: '--averaging-constant <share>',
    description: 'Share of a new batch in moving averages, above 0 and up to 1; 0.1 unless given',
  },
  {
    name: '--percentile <percent>',
    description: 'Elements that a range of the method percentile holds, above 0 and up to 100; 99.99 unless given',
  },
];

/** How weights and activations become codes. */
export const quantizationOptions: readonly CommandOption[] = [
  { name: '--weight-bits <bits>', description: 'Bits of a weight, 1 to 8; 8 unless given, 4 for nf4' },
  {
    name: '--activation-bits <bits>',
    description: 'Bits of an activation, 2 to 8, or float for weights alone',
    default: 8,
  },
  { name: '--weights-only', description: 'The same as --activation-bits float: nothing needs to be calibrated' },
  { name: '--scheme <name>', description: `Codes of weights: ${list(schemes)}; symmetric unless given` },
  {
    name: '--activation-scheme <name>',
    description: `Codes of activations: ${list(schemes)}; asymmetric unless given`,
  },
  { name: '--activations <type>', description: 'Codes of activations: uint8 or int8', default: 'uint8' },
  {
    name: '--granularity <name>',
    description:
      'Scales of weights: one a tensor, one a channel, or one a group of weights of a channel; channel unless given',
  },
  { name: '--group-size <weights>', description: `Weights of a group; ${usualGroup} unless given` },
  {
    name: '--quantizer <name>',
    description: `What codes of weights stand for: ${list(quantizers)}, the latter two for weights alone; uniform unless given`,
  },
  {
    name: '--rounding <name>',
    description: `How weights are rounded: ${list(roundings)}; all but nearest look at what layers are given`,
    default: 'nearest',
  },
  { name: '--correct-bias', description: 'Take the mean error of each channel off its bias' },
  { name: '--equalize', description: 'Make the weights of channels more equal between convolutions first' },
  {
    name: '--smooth [strength]',
    description: `Divide what matrix products read by a factor a channel first, and multiply their weights by it (SmoothQuant), so that one scale serves all channels; 0 to 1, how much of the difference the weights take over (${usualStrength})`,
  },
  {
    name: '--layer <name=bits>',
    description:
      'Bits of the weights of one layer, 1 to 8 or float; * in the name for any text; may be given several times, later ones win',
  },
  {
    name: '--exclude <pattern>',
    description: 'Nodes that stay in float, * for any text; may be given several times',
  },
];

/** What all layers together may take. */
export const budgetOptions: readonly CommandOption[] = [
  {
    name: '--budget-bytes <bytes>',
    description:
      'Bytes for weights and their scales: each layer gets 8 or 4 bits (8 to 2 in safetensors), so that outputs suffer least',
  },
  {
    name: '--budget-milliseconds <time>',
    description:
      'Time for a run on this adapter: each layer is timed in float and in 8 bits, and stays in float where outputs gain most for it',
  },
];

/**
 * @param areNeeded whether any ranges are to be found
 * @throws UsageError, also for what would be without effect
 */
export function readSettings(options: ParsedOptions, areNeeded: boolean): CalibrationSettings {
  const method = choiceOption(options, 'method', methods) ?? null;
  const averagingConstant = shareOption(options, 'averaging-constant', 1);
  const percentile = shareOption(options, 'percentile', 100);
  if (averagingConstant !== null && method !== 'moving-average') {
    throw new UsageError('--averaging-constant needs --method moving-average.');
  }
  if (percentile !== null && method !== 'percentile') throw new UsageError('--percentile needs --method percentile.');
  if (method !== null && !areNeeded) {
    throw new UsageError(
      '--method is given, but activations stay in float, whose ranges are not needed; leave it out.',
    );
  }
  return { method, averagingConstant, percentile };
}

/** @throws UsageError */
export function readQuantization(options: ParsedOptions): JobQuantization {
  const scheme = choiceOption(options, 'scheme', schemes);
  const granularity = granularityOption(options);
  const quantizer = choiceOption(options, 'quantizer', quantizers);
  const rounding = choiceOption(options, 'rounding', roundings);
  const bits = given(options, 'weight-bits') ? integerOption(options, 'weight-bits', 1, 8) : undefined;
  const layers = layersOption(options);
  const { exclude } = options;
  return {
    weights: {
      ...(bits !== undefined && { bits }),
      ...(granularity !== undefined && { granularity }),
      ...(scheme !== undefined && { scheme }),
      ...(quantizer !== undefined && { quantizer }),
      ...(rounding !== undefined && { rounding }),
    },
    activations: activationsOption(options),
    correctBias: options.correctBias === true,
    ...(layers && { layers }),
    exclude: exclude === undefined ? [] : [exclude].flat().map(String),
  };
}

/** How strongly inputs of matrix products are smoothed; null where they are not. @throws UsageError */
export function smoothOption(options: ParsedOptions): number | null {
  if (options.smooth === undefined || options.smooth === false) return null;
  if (options.smooth === true) return usualStrength;
  const strength = magnitudeOption(options, 'smooth');
  if (strength <= 1) return strength;
  throw new UsageError(`--smooth is ${JSON.stringify(String(strength))}; it takes a number from 0 to 1.`);
}

/** @throws UsageError */
export function readBudget(options: ParsedOptions): JobBudget | null {
  const [bytes, milliseconds] = [given(options, 'budget-bytes'), given(options, 'budget-milliseconds')];
  if (bytes && milliseconds) {
    throw new UsageError('--budget-bytes and --budget-milliseconds are both given; give one of them.');
  }
  if (bytes && given(options, 'weight-bits')) {
    throw new UsageError(
      '--weight-bits is given, but --budget-bytes chooses the bits of each layer; give one of them.',
    );
  }
  if (bytes) return { bytes: integerOption(options, 'budget-bytes', 1, 2 ** 40) };
  return milliseconds ? { milliseconds: magnitudeOption(options, 'budget-milliseconds') } : null;
}

function activationsOption(options: ParsedOptions): NonNullable<JobQuantization['activations']> {
  const bits = textOption(options, 'activation-bits') ?? '8';
  const scheme = choiceOption(options, 'activation-scheme', schemes);
  const signed = choiceOption(options, 'activations', ['uint8', 'int8']) === 'int8';
  if (options.weightsOnly === true && bits !== 'float' && bits !== '8') {
    throw new UsageError(`--weights-only and --activation-bits ${bits} are both given; take one of them.`);
  }
  if (bits === 'float' || options.weightsOnly === true) {
    if (scheme === undefined) return 'float';
    throw new UsageError('--activation-scheme is given, but activations stay in float; leave it out.');
  }
  const width = Number(bits);
  if (!Number.isInteger(width) || width < 2 || width > 8) {
    throw new UsageError(`--activation-bits is ${JSON.stringify(bits)}; it takes an integer from 2 to 8, or float.`);
  }
  return { bits: width, signed, ...(scheme !== undefined && { scheme }) };
}

function granularityOption(options: ParsedOptions): WeightGranularity | undefined {
  const granularity = choiceOption(options, 'granularity', ['tensor', 'channel', 'group'] as const);
  const sized = given(options, 'group-size');
  if (granularity === 'group') {
    return { group: sized ? integerOption(options, 'group-size', 1, 2 ** 31 - 1) : usualGroup };
  }
  if (sized) throw new UsageError('--group-size needs --granularity group.');
  return granularity;
}

function layersOption(options: ParsedOptions): Readonly<Record<string, LayerOptions>> | undefined {
  const assigned = [...assignmentsOption(options, 'layer')];
  if (assigned.length === 0) return undefined;
  return Object.fromEntries(
    assigned.map(([name, text]) => {
      const bits = Number(text);
      if (text === 'float') return [name, { bits: 'float' as const }];
      if (text !== '' && Number.isInteger(bits) && bits >= 1 && bits <= 8) return [name, { bits }];
      throw new UsageError(`--layer of ${name} is ${JSON.stringify(text)}; it takes an integer from 1 to 8, or float.`);
    }),
  );
}

/** A number above 0 and up to a greatest; null where it is not given. */
function shareOption(options: ParsedOptions, name: string, greatest: number): number | null {
  if (!given(options, name)) return null;
  const value = magnitudeOption(options, name);
  if (value > 0 && value <= greatest) return value;
  throw new UsageError(`--${name} is "${value}"; it takes a number above 0 and up to ${greatest}.`);
}

const given = (options: ParsedOptions, name: string): boolean => textOption(options, name) !== undefined;

function list(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
