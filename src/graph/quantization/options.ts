import { InvalidInput, InvalidQuantization } from '../../base/errors.ts';
import type { GraphNode } from '../graph.ts';
import type { LayerInputs } from './layerInputs.ts';
import type { PreparedWeights } from './prepared.ts';

/** Which weights share a scale: those of an output channel, all of a tensor, or runs along the inputs of a channel. */
export type WeightGranularity = 'channel' | 'tensor' | { readonly group: number };

/** How codes are chosen. */
export type RoundingMethod =
  /** Each weight by itself. */
  | 'nearest'
  /**
   * Weight by weight, those of the greatest inputs first; each error is made up for by the weights that are left
   * (Frantar et al., "GPTQ", 2022).
   */
  | 'gptq'
  /**
   * The objective of AdaRound (Nagel et al., "Up or Down?", 2020) by coordinate descent instead of gradients: from the codes
   * of `nearest` and of `gptq`, codes of a channel go up or down by one while that lowers its error, at most 20 times through
   * all; the better of the two ends is taken.
   */
  | 'descent'
  /** AdaRound as published, each weight to the code below or above, on the GPU: needs `prepareWeights` first. */
  | 'adaround';

/** What numbers codes stand for. */
export type WeightQuantizer =
  /** Equal steps: a scale and a zero point. */
  | 'uniform'
  /**
   * Entries of a table of the layer, 2^bits or fewer, which the k-means of `src/cluster` finds: needs `prepareWeights` first. With a
   * granularity other than `tensor` the table is for weights divided by the greatest magnitude of their channel or group.
   */
  | 'codebook'
  /**
   * 4 bits: the table NF4 for weights divided by the greatest magnitude of their group (Dettmers et al., "QLoRA", 2023), of 64
   * unless a granularity is given.
   */
  | 'nf4';

/** How weights are quantized. */
export interface WeightOptions {
  /**
   * What codes stand for; `uniform` unless given. The others quantize weights alone: they need `activations: 'float'`, and have
   * neither schemes and ranges nor a rounding other than `nearest`.
   */
  readonly quantizer?: WeightQuantizer;
  /**
   * Bits of a weight, 1 to 8; 8 unless given, 4 for `nf4`. 4 are stored as int4, all others as int8 in the narrower range; codes of
   * tables as uint4 and uint8.
   */
  readonly bits?: number;
  /**
   * `channel` unless given. Groups of a convolution run over input channels and taps. Layers with groups are computed in
   * float from their codes; channels of no more inputs than a group has get one scale each.
   */
  readonly granularity?: WeightGranularity;
  /** `symmetric` (zero point 0) unless given; `asymmetric` uses all codes from the least to the greatest weight. */
  readonly scheme?: 'symmetric' | 'asymmetric';
  /**
   * `minmax` covers every weight; `mse` narrows the range to where the squared error is least, never above that of `minmax`.
   * Unless given `minmax` at 8 bits and `mse` below.
   */
  readonly range?: 'minmax' | 'mse';
  /** How codes are chosen: `nearest` unless given. The others need `layerInputs`; layers that these lack are `nearest`. */
  readonly rounding?: RoundingMethod;
}

/** How activations are quantized. */
export interface ActivationOptions {
  /** Bits of a code, 2 to 8; 8 unless given. Below 8 a Clip bounds what is quantized. */
  readonly bits?: number;
  /** int8 codes instead of uint8; false unless given. */
  readonly signed?: boolean;
  /**
   * `asymmetric` unless given: the range from least to greatest takes all codes. `symmetric`: zero is the middle code, 0 of int8
   * and 128 of uint8, and the range reaches as far below it as above.
   */
  readonly scheme?: 'asymmetric' | 'symmetric';
}

/** What is different for some layers. */
export interface LayerOptions {
  /** Bits of the weights, 1 to 8, or `float` to leave the layer as it is. */
  readonly bits?: number | 'float';
  readonly granularity?: WeightGranularity;
  /** Bits of the layer's inputs, 2 to 8; where layers share an input the greatest holds. */
  readonly activationBits?: number;
}

/** How a model is quantized. */
export interface QuantizeModelOptions {
  readonly weights?: WeightOptions;
  /** `float` quantizes weights alone, for which nothing needs to be calibrated. */
  readonly activations?: ActivationOptions | 'float';
  /**
   * Overrides for nodes whose name, or whose constant's name, fits: `*` stands for any text. Where several patterns fit, later
   * ones win, field by field; none unless given.
   */
  readonly layers?: Readonly<Record<string, LayerOptions>>;
  /** What `observeLayers` found for this model; none unless given. */
  readonly layerInputs?: LayerInputs;
  /** What `prepareWeights` found for this model with these options; needed by `adaround` and `codebook`; none unless given. */
  readonly prepared?: PreparedWeights;
  /**
   * Whether the mean error of each channel that comes of its weights' rounding is taken off its bias (Nagel et al.,
   * "Data-Free Quantization", 2019, with means from `layerInputs`, which it needs): convolutions, Gemm, and matrix products
   * that a constant is added to. False unless given.
   */
  readonly correctBias?: boolean;
  /** Nodes that stay in float: names, in which `*` stands for any text, or regular expressions; none unless given. */
  readonly exclude?: readonly (string | RegExp)[];
}

/** What holds for the weights of one layer. */
export interface LayerFormat extends Required<WeightOptions> {
  readonly activationBits: number;
}

/** The operator set that the result of these options needs: 21 has 4-bit integers and scales of blocks. */
export function neededOpset({ weights = {}, layers = {} }: QuantizeModelOptions): 13 | 21 {
  const formats = [weights, ...Object.values(layers)];
  const newer = formats.some(({ bits, granularity }) => bits === 4 || typeof granularity === 'object');
  return newer || weights.quantizer === 'nf4' ? 21 : 13;
}

/** The formats of all layers of a graph, by the names that nodes and constants have in it. */
export class LayerTable {
  /** Bits of values that no layer wants otherwise. */
  readonly activationBits: number;
  readonly #excluded: ReadonlySet<string>;
  readonly #layers: readonly { readonly names: ReadonlySet<string>; readonly options: LayerOptions }[];
  readonly #weights: WeightOptions;

  /**
   * @param nodes of the graph before anything is folded
   * @throws InvalidInput for a pattern that fits no node; InvalidQuantization for a format that there is not
   */
  constructor(nodes: readonly GraphNode[], options: QuantizeModelOptions) {
    assertInputs(options);
    assertQuantizer(options);
    const { weights = {}, activations = {}, layers = {}, exclude = [] } = options;
    this.#weights = weights;
    this.activationBits = activations === 'float' ? 8 : (activations.bits ?? 8);
    this.#excluded = new Set(exclude.flatMap((pattern) => [...namesLike(nodes, pattern)]));
    this.#layers = Object.entries(layers).map(([pattern, each]) => ({
      names: namesLike(nodes, pattern),
      options: each,
    }));
    assertBits(this.activationBits, 2, 'Activations');
    for (const { bits, granularity, activationBits } of [weights, ...Object.values(layers)] as LayerOptions[]) {
      if (bits !== 'float') assertBits(bits ?? 8, 1, 'Weights');
      assertBits(activationBits ?? 8, 2, 'Activations');
      if (typeof granularity === 'object') assertGroup(granularity.group);
    }
  }

  /** The format of a node's weights, and of its inputs; undefined where it stays in float. */
  formatOf({ name, replaces = [] }: GraphNode): LayerFormat | undefined {
    const names = [name, ...replaces];
    if (names.some((each) => this.#excluded.has(each))) return undefined;
    const fitting = this.#layers.filter((layer) => names.some((each) => layer.names.has(each)));
    let merged: Omit<WeightOptions, 'bits'> & LayerOptions = this.#weights;
    for (const { options } of fitting) merged = { ...merged, ...options };
    const { quantizer = 'uniform' } = merged;
    const { bits = quantizer === 'nf4' ? 4 : 8 } = merged;
    if (bits === 'float') return undefined;
    return {
      quantizer,
      bits,
      granularity: merged.granularity ?? (quantizer === 'nf4' ? { group: 64 } : 'channel'),
      scheme: merged.scheme ?? 'symmetric',
      rounding: merged.rounding ?? 'nearest',
      range: merged.range ?? (bits === 8 ? 'minmax' : 'mse'),
      activationBits: merged.activationBits ?? this.activationBits,
    };
  }
}

/** Names of the nodes that a pattern fits, by their own name or that of a constant that they read. @throws InvalidInput */
export function namesLike(nodes: readonly GraphNode[], pattern: string | RegExp): ReadonlySet<string> {
  const expression = typeof pattern === 'string' ? new RegExp(`^${escapeText(pattern)}$`) : pattern;
  const made = new Set(nodes.flatMap(({ outputs }) => outputs));
  const fits = (name: string): boolean => name.search(expression) >= 0;
  const found = nodes.filter(
    ({ name, inputs }) =>
      fits(name) || inputs.slice(1).some((input) => input !== '' && !made.has(input) && fits(input)),
  );
  if (found.length === 0) {
    const shown = nodes.slice(0, 3).map(({ name }) => JSON.stringify(name));
    throw new InvalidInput(
      `No node is named like ${JSON.stringify(String(pattern))}; there are ${shown.join(', ')} … (cuanta inspect lists all).`,
    );
  }
  return new Set(found.map(({ name }) => name));
}

function assertInputs({ weights = {}, correctBias = false, layerInputs }: QuantizeModelOptions): void {
  const { rounding = 'nearest' } = weights;
  if (layerInputs || (rounding === 'nearest' && !correctBias)) return;
  const what = correctBias ? 'Correcting biases' : `Rounding by "${rounding}"`;
  throw new InvalidInput(`${what} needs to know what layers are given; pass layerInputs from observeLayers.`);
}

function assertQuantizer({ weights = {}, activations, layers = {} }: QuantizeModelOptions): void {
  const { quantizer = 'uniform', rounding = 'nearest', scheme, range } = weights;
  if (quantizer === 'uniform') return;
  const refuse = (what: string, remedy: string): never => {
    throw new InvalidQuantization(`The quantizer "${quantizer}" was asked for with ${what}; ${remedy}.`);
  };
  if (activations !== 'float') refuse('quantized activations', "it is for weights alone: set activations to 'float'");
  if (rounding !== 'nearest')
    refuse(`rounding "${rounding}"`, 'leave that out, since only uniform codes can be rounded so');
  if (scheme ?? range) refuse('a scheme or a range', 'leave them out, since its tables have neither');
  const widths = [weights, ...Object.values(layers)].map(({ bits }) => bits ?? 4);
  const odd = widths.find((bits) => bits !== 4 && bits !== 'float');
  if (quantizer === 'nf4' && odd !== undefined) refuse(`${odd} bits`, 'it has 4');
}

function assertBits(bits: number, least: number, what: string): void {
  if (Number.isInteger(bits) && bits >= least && bits <= 8) return;
  throw new InvalidQuantization(`${what} of ${bits} bits were asked for; use a whole number from ${least} to 8.`);
}

function assertGroup(size: number): void {
  if (Number.isInteger(size) && size >= 1) return;
  throw new InvalidQuantization(`Groups of ${size} weights were asked for; use a whole number of at least 1.`);
}

const escapeText = (pattern: string): string =>
  pattern
    .split('*')
    .map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('.*');
