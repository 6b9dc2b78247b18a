/** What a person may choose about quantization, what that means, and a few choices that make sense. */
import type { CalibrationMethod, QuantizeModelOptions, RoundingMethod } from '../../src/index.ts';

/** How weights become codes: a rounding to equal steps, or a table that codes point into. */
export type WeightCodes = RoundingMethod | 'codebook' | 'nf4';

/** How models are quantized. */
export interface Choice {
  /** How ranges of activations are found. */
  readonly method: CalibrationMethod;
  /** Bits of a weight, 2 to 8. */
  readonly weightBits: number;
  /** Which weights share a scale. */
  readonly granularity: 'tensor' | 'channel' | 'group';
  readonly codes: WeightCodes;
  /** Bits of an activation, 4 to 8. */
  readonly activationBits: number | 'float';
  /** Whether activations are int8 instead of uint8. */
  readonly signed: boolean;
  /** Whether what weights lose is made up for in biases, on average. */
  readonly correctBias: boolean;
}

/** Weights of a group. */
const groupSize = 32;

export const methods: readonly (readonly [CalibrationMethod, string])[] = [
  ['minmax', 'least to greatest'],
  ['moving-average', 'moving average'],
  ['percentile', '99.99 % of all'],
  ['mse', 'least squared error'],
  ['entropy', 'least entropy lost'],
  ['cross-entropy', 'cross-entropy of scores'],
];

export const granularities: readonly (readonly [Choice['granularity'], string])[] = [
  ['channel', 'per channel'],
  ['tensor', 'per layer'],
  ['group', `per ${groupSize}`],
];

export const weightCodes: readonly (readonly [WeightCodes, string])[] = [
  ['nearest', 'nearest'],
  ['gptq', 'GPTQ'],
  ['descent', 'descent'],
  ['adaround', 'AdaRound'],
  ['codebook', 'k-means table'],
  ['nf4', 'NF4 table'],
];

const eightBits: Choice = {
  method: 'minmax',
  weightBits: 8,
  granularity: 'channel',
  codes: 'nearest',
  activationBits: 8,
  signed: false,
  correctBias: false,
};
const careful: Choice = { ...eightBits, codes: 'gptq', correctBias: true };

/** Choices by name; the first is there when the page opens. */
export const presets: readonly (readonly [name: string, title: string, choice: Choice])[] = [
  ['w8a8', '8 bits', eightBits],
  ['w6a8', '6-bit weights, 8-bit activations', { ...careful, method: 'mse', weightBits: 6 }],
  ['w4a8', '4-bit weights, 8-bit activations', { ...careful, method: 'mse', weightBits: 4 }],
  ['w4', '4-bit weights alone', { ...careful, weightBits: 4, granularity: 'group', activationBits: 'float' }],
  [
    'nf4',
    '4-bit weights alone, NF4',
    { ...careful, weightBits: 4, granularity: 'group', codes: 'nf4', activationBits: 'float' },
  ],
  ['w3', '3-bit weights alone', { ...careful, weightBits: 3, granularity: 'group', activationBits: 'float' }],
  ['tensor', '8 bits, one scale a layer: watch it fail', { ...eightBits, granularity: 'tensor' }],
];

const isTable = (codes: WeightCodes): codes is 'codebook' | 'nf4' => codes === 'codebook' || codes === 'nf4';

/** A choice without contradictions: tables are for weights alone, and NF4 has 4 bits. */
export function settled(choice: Choice): Choice {
  if (!isTable(choice.codes)) return choice;
  return { ...choice, activationBits: 'float', weightBits: choice.codes === 'nf4' ? 4 : choice.weightBits };
}

/** The options that a settled choice stands for. */
export function optionsOf({
  weightBits: bits,
  granularity: sharing,
  codes,
  activationBits,
  signed,
  correctBias,
}: Choice): QuantizeModelOptions {
  const granularity = sharing === 'group' ? { group: groupSize } : sharing;
  return {
    weights: { bits, granularity, ...(isTable(codes) ? { quantizer: codes } : { rounding: codes }) },
    activations: activationBits === 'float' ? 'float' : { bits: activationBits, signed },
    correctBias,
  };
}

const meaningOfCodes: Readonly<Record<WeightCodes, string>> = {
  nearest: 'Each weight takes the code nearest to it.',
  gptq: 'GPTQ rounds weight by weight and lets the weights that follow make up for each error.',
  descent: 'Codes go up or down by one as long as that brings the outputs of the layer nearer to those in float.',
  adaround: 'AdaRound learns for each weight whether to round up or down, which takes a while.',
  codebook: 'Codes point into a table for each layer, which k-means fits to its weights.',
  nf4: 'Codes point into the table NF4, whose 16 entries are dense where weights are.',
};

const meaningOfMethod: Readonly<Record<CalibrationMethod, string>> = {
  minmax: 'Their range holds all that was seen.',
  'moving-average': 'Their range is the average of what was seen, the latest counting most.',
  percentile: 'Their range leaves out the rarest 0.01 %, so that the rest gets finer steps.',
  mse: 'Their range has the least squared error: rare greatest values give way to finer steps.',
  entropy: 'Their range changes the distribution of values least.',
  'cross-entropy':
    'Scores, such as those of the recogniser’s characters, get the range that keeps their order; other values that of least squared error.',
};

const meaningOfSharing: Readonly<Record<Choice['granularity'], string>> = {
  tensor: 'all weights of a layer share one scale',
  channel: 'those of an output channel share a scale',
  group: `each ${groupSize} in a row share a scale, and are computed with in float`,
};

/** Says in a few sentences what a settled choice means. */
export function explain({ method, weightBits, granularity, codes, activationBits, correctBias }: Choice): string {
  const stored = weightBits === 4 || weightBits === 8 || isTable(codes) ? '' : ' ONNX stores them in 8 bits, though.';
  const activations =
    activationBits === 'float'
      ? 'Activations stay in float: files get smaller, but nothing faster.'
      : `Activations become ${activationBits}-bit codes, so that ${granularity === 'group' ? 'less has to be moved' : 'integers are multiplied'}. ${meaningOfMethod[method]}`;
  const bias = correctBias ? ' Biases make up for the mean error.' : '';
  return `Each weight becomes one of ${2 ** weightBits} codes; ${meaningOfSharing[granularity]}. ${meaningOfCodes[codes]}${bias}${stored} ${activations}`;
}

/** A settled choice in a few words. */
export function summarize({ weightBits, granularity, codes, activationBits }: Choice): string {
  const titled = <Key extends string>(titles: readonly (readonly [Key, string])[], key: Key): string =>
    titles.find(([name]) => name === key)?.[1] ?? key;
  const activations = activationBits === 'float' ? 'float activations' : `${activationBits}-bit activations`;
  return `${weightBits}-bit weights (${titled(granularities, granularity)}, ${titled(weightCodes, codes)}), ${activations}`;
}
