import { InvalidInput, InvalidQuantization } from '../base/errors.ts';
import type { CalibrationStatistics } from '../calib/statistics.ts';
import {
  type BitChoice,
  bitCurve,
  type LayerCosts,
  pointWithin,
  type WeightStorage,
  type WidthCost,
} from '../graph/explain/bitCurve.ts';
import { groupParts } from '../graph/explain/changedPart.ts';
import { decibels } from '../graph/explain/difference.ts';
import { type QuantizedLayer, QuantizedLayers } from '../graph/explain/layers.ts';
import { layerTimes, millisecondsOf } from '../graph/explain/layerTimes.ts';
import { plannedModel } from '../graph/explain/operations.ts';
import { Comparison, type RunOptions, runsOf } from '../graph/explain/runs.ts';
import type { Graph } from '../graph/graph.ts';
import { isInteger, storedBytes } from '../graph/hostTensor.ts';
import { Model, type ModelInputs } from '../graph/model.ts';
import { LayerTable, neededOpset, type QuantizeModelOptions } from '../graph/quantization/options.ts';
import { isProduct } from '../graph/quantization/placement.ts';
import type { PreparedWeights } from '../graph/quantization/prepared.ts';
import { quantizeGraph } from '../graph/quantization/quantizeGraph.ts';
import { type PrepareWeightsOptions, prepareWeights } from './prepareWeights.ts';
import { upgradeGraph } from './upgrade.ts';

/** How widths are chosen. */
export interface ChooseBitsOptions extends RunOptions {
  /**
   * Bytes that the weights of all quantized layers and their scales may take. Biases and layers in float are not counted. Give
   * this or `budgetMilliseconds`.
   */
  readonly budgetBytes?: number;
  /**
   * Milliseconds that a run on the first sample may take on this adapter, above 0. Each convolution and matrix product stays in float
   * or takes the bits of `quantization`, 8 unless given: fewer bits save no time.
   */
  readonly budgetMilliseconds?: number;
  /** What `calibrate` found for this model: needed by `budgetMilliseconds`, which is about quantized activations too. */
  readonly statistics?: CalibrationStatistics;
  /** How weights are stored; `onnx` unless given. */
  readonly storage?: WeightStorage;
  /** Bits to choose from, each from 1 to 8; 8 and 4 for `onnx`, which stores all others in 8, and 8 to 2 for `packed`, unless given. */
  readonly widths?: readonly number[];
  /** How the model will be quantized otherwise. Layers whose bits are given there keep them. */
  readonly quantization?: QuantizeModelOptions;
  /** How weights are prepared, for each width as `quantization` says; `onProgress` counts the layers of all widths. */
  readonly preparation?: Omit<PrepareWeightsOptions, 'signal'>;
}

/** Widths of layers, and their weights. */
export interface ChosenBits extends BitChoice {
  /** What `prepareWeights` found for the chosen widths. It holds for `quantizeModel` with the activations that they were chosen for. */
  readonly prepared: PreparedWeights;
}

/**
 * Chooses the bits of each layer's weights under a budget so that the outputs suffer least. Each width of each layer is
 * measured by itself: the noise in the model's outputs on the samples, or in what a final Softmax reads, everything else in float. See `bitCurve` for the rest.
 * Weights are rounded as `quantization` says, so that careful rounding pays. Takes one run for each width, layer and sample, each
 * from that layer to the outputs.
 *
 * Under a budget of milliseconds each layer is timed by itself instead, in float and from codes to codes (see `layerTimes`), and stays in
 * float where that takes away most noise for its time. What layers do not take, and what joining float and codes costs, is taken for
 * as long as in the float model; `milliseconds.measured` says what came of it.
 *
 * ```ts
 * const choice = await chooseBits(model, batches.slice(0, 4), { budgetBytes: 400_000 });
 * const layers = layersOf(choice);
 * const quantized = quantizeModel(model, statistics, { layers });
 * ```
 *
 * @throws InvalidInput for no samples, a model without layers to quantize, and a budget below the narrowest widths or shortest times;
 * InvalidQuantization for widths that there are not; Aborted; whatever `run` and `prepareWeights` throw
 */
export async function chooseBits(
  model: Model,
  samples: readonly ModelInputs[],
  options: ChooseBitsOptions,
): Promise<ChosenBits> {
  const { budgetBytes, budgetMilliseconds } = options;
  if (budgetMilliseconds !== undefined) return chooseFloats(model, samples, budgetMilliseconds, options);
  if (budgetBytes === undefined) throw new InvalidInput('There is no budget; give bytes or milliseconds.');
  using scoring = new Model(model.engine, beforeSoftmax(model.source), model.operators);
  return await chooseWidths(scoring, samples, budgetBytes, options);
}

async function chooseWidths(
  model: Model,
  samples: readonly ModelInputs[],
  budgetBytes: number,
  options: ChooseBitsOptions,
): Promise<ChosenBits> {
  const { storage = 'onnx' } = options;
  if (samples.length === 0) throw new InvalidInput('There are no samples to measure widths with; give at least one.');
  const { widths = storage === 'onnx' ? [8, 4] : [8, 7, 6, 5, 4, 3, 2] } = options;
  if (widths.length === 0) throw new InvalidQuantization('There are no widths to choose from; give at least one.');
  const maker = new WidthMaker(model, options, widths.length);
  const made: QuantizedWidth[] = [];
  for (const bits of widths) made.push(await maker.make({ bits }));
  const candidates = made.flatMap((width) =>
    width.found.layers.map((layer) => ({ layer, found: width.found, bits: width.bitsOf(layer) })),
  );
  // Layers whose bits are given have but one width.
  const distinct = [...new Map(candidates.map((each) => [`${each.bits} ${each.layer.node.name}`, each])).values()];
  const [first] = distinct;
  if (!first) throw new InvalidInput('The model has no layers with weights to quantize; leave the budget out.');
  const base = first.found.only(() => false);
  const alone = distinct.map(({ layer, found }) => found.alone(layer));
  const groups = groupParts(model, base, alone, samples);
  const comparison = new Comparison(model, samples, 2 + runsOf(groups), options);
  const noises = await comparison.noises(base, groups);
  const costs = new Map<string, WidthCost[]>();
  for (const [index, { layer, bits }] of distinct.entries()) {
    const known = costs.get(layer.node.name) ?? [];
    const cost = { bits, bytes: bytesOf(layer, bits, storage), noise: noises[index] ?? 0 };
    costs.set(layer.node.name, [...known, cost]);
  }
  const layers: LayerCosts[] = [...costs].map(([node, measured]) => ({ node, widths: measured }));
  const curve = bitCurve(layers);
  const point = pointWithin(curve, budgetBytes);
  const together = await maker.make({ layers: layersOf(point) });
  return {
    storage,
    budgetBytes,
    milliseconds: null,
    bytes: point.bytes,
    predictedSqnr: point.sqnr,
    measuredSqnr: decibels(await comparison.noise(together.found.graph)),
    bits: point.bits,
    curve: curve.map(({ bytes, sqnr }) => ({ bytes, sqnr })),
    layers,
    prepared: together.prepared,
  };
}

/** Operators that give on what they read in another shape. */
const reshaping: readonly string[] = ['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'];

/**
 * The graph with what a final Softmax reads in place of what it makes: where one class is certain, its chances hide what befell the
 * scores, and noises behind it do not add up.
 */
export function beforeSoftmax(graph: Graph): Graph {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const scoresOf = (name: string): string => {
    let node = makers.get(name);
    while (node?.domain === '' && reshaping.includes(node.operator)) node = makers.get(node.inputs[0] ?? '');
    return node?.domain === '' && node.operator === 'Softmax' ? (node.inputs[0] ?? name) : name;
  };
  const outputs = new Map(graph.outputs.map((output) => [scoresOf(output.name), output]));
  return {
    ...graph,
    outputs: [...outputs].map(([name, output]) =>
      name === output.name ? output : { name, elementType: undefined, dimensions: undefined },
    ),
  };
}

/** A model with the weights of all layers quantized, activations in float. */
interface QuantizedWidth {
  readonly found: QuantizedLayers;
  readonly prepared: PreparedWeights;
  bitsOf(layer: QuantizedLayer): number;
}

/** Quantizes the weights of a model to several widths, those of a layer once for each. */
class WidthMaker {
  readonly #model: Model;
  readonly #source: Graph;
  readonly #options: ChooseBitsOptions;
  readonly #widths: number;
  readonly #earlier: PreparedWeights[] = [];

  /** @param widths how many there will be, for progress */
  constructor(model: Model, options: ChooseBitsOptions, widths: number) {
    this.#model = model;
    this.#source = upgradeGraph(model.source, 21);
    this.#options = options;
    this.#widths = widths;
  }

  /** @param chosen bits of all layers whose bits are not given, or bits by layer */
  async make(chosen: { readonly bits: number } | Pick<QuantizeModelOptions, 'layers'>): Promise<QuantizedWidth> {
    const { quantization = {}, preparation = {}, signal } = this.#options;
    const merged: QuantizeModelOptions = {
      ...quantization,
      activations: 'float',
      ...('bits' in chosen
        ? { weights: { ...quantization.weights, bits: chosen.bits } }
        : { layers: { ...quantization.layers, ...chosen.layers } }),
    };
    const before = this.#earlier.length;
    const prepared = await prepareWeights(this.#model, undefined, merged, {
      ...preparation,
      ...(signal && { signal }),
      earlier: [...this.#earlier, ...(preparation.earlier ?? [])],
      onProgress: (done, all) => {
        if (before < this.#widths) preparation.onProgress?.(before * all + done, this.#widths * all);
      },
    });
    this.#earlier.push(prepared);
    const { operators } = this.#model;
    const { graph } = quantizeGraph(this.#source, operators, undefined, { ...merged, prepared });
    const table = new LayerTable(this.#source.nodes, merged);
    return {
      found: new QuantizedLayers(this.#source, graph, operators),
      prepared,
      bitsOf: ({ node }) => table.formatOf(node)?.bits ?? 8,
    };
  }
}

/** Chooses which layers stay in float, so that a run takes no longer than is given and outputs suffer least. */
async function chooseFloats(
  model: Model,
  samples: readonly ModelInputs[],
  budget: number,
  options: ChooseBitsOptions,
): Promise<ChosenBits> {
  const { statistics, storage = 'onnx', quantization = {}, preparation = {}, signal, budgetBytes } = options;
  const [first] = samples;
  if (!first) throw new InvalidInput('There are no samples to measure layers with; give at least one.');
  if (budgetBytes !== undefined) throw new InvalidInput('There are two budgets; give bytes or milliseconds.');
  if (!(budget > 0)) throw new InvalidInput(`The budget is ${budget} milliseconds; give more than 0.`);
  if (quantization.activations === 'float') {
    throw new InvalidQuantization(
      'Weights alone save no time, since they are computed with in float; quantize activations too, or give a budget of bytes.',
    );
  }
  const { engine, operators } = model;
  const source = upgradeGraph(model.source, neededOpset(quantization));
  const prepared = await prepareWeights(model, statistics, quantization, { ...preparation, ...(signal && { signal }) });
  const { graph } = quantizeGraph(source, operators, statistics, { ...quantization, prepared });
  const found = new QuantizedLayers(source, graph, operators);
  const table = new LayerTable(source.nodes, quantization);
  const layers = found.layers.filter(
    ({ node, values, constants }) => isProduct(node) && values.length === 1 && constants.length > 0,
  );
  if (layers.length === 0) throw new InvalidInput('The model has no layers to quantize; leave the budget out.');
  const base = found.only(() => false);
  const alone = layers.map((layer) => found.alone(layer));
  const groups = groupParts(model, base, alone, samples);
  const comparison = new Comparison(model, samples, 2 + runsOf(groups), options);
  const noises = await comparison.noises(base, groups);
  using plain = new Model(engine, found.graph, operators, { optimize: false });
  const { types } = plannedModel(plain, first);
  const costs: LayerCosts[] = [];
  for (const [index, layer] of layers.entries()) {
    const { node, constants } = layer;
    const type = types.get(node.inputs[0] ?? '');
    if (!type) continue;
    const times = await layerTimes(model, found, layer, type, signal);
    const bits = table.formatOf(node)?.bits ?? 8;
    const bytes = bytesOf(layer, bits, storage);
    const floatBytes = storedBytes(constants.map(({ float }) => float));
    costs.push({
      node: node.name,
      widths: [
        { bits, bytes, noise: noises[index] ?? 0, milliseconds: times.codes },
        { bits: 'float', bytes: floatBytes, noise: 0, milliseconds: times.float },
      ],
    });
  }
  const float = await millisecondsOf(model, first, signal);
  const sum = (of: readonly LayerCosts[]): number =>
    of.reduce((total, { widths }) => total + (widths.at(-1)?.milliseconds ?? 0), 0);
  // Timed by themselves, layers may seem to take longer than all of the model.
  const rest = Math.max(float - sum(costs), 0);
  const curve = bitCurve(costs, 'milliseconds').map((point) => {
    return { ...point, milliseconds: rest + (point.milliseconds ?? 0) };
  });
  const point = pointWithin(curve, budget, 'milliseconds');
  const chosen = { ...quantization, layers: { ...quantization.layers, ...layersOf(point) }, prepared };
  const together = quantizeGraph(source, operators, statistics, chosen).graph;
  using made = new Model(engine, together, operators);
  return {
    storage,
    budgetBytes: null,
    milliseconds: {
      budget,
      float,
      rest,
      predicted: point.milliseconds,
      measured: await millisecondsOf(made, first, signal),
    },
    bytes: point.bytes,
    predictedSqnr: point.sqnr,
    measuredSqnr: decibels(await comparison.noise(together)),
    bits: point.bits,
    curve: curve.map(({ bytes, milliseconds, sqnr }) => ({ bytes, milliseconds, sqnr })),
    layers: costs,
    prepared,
  };
}

/** The chosen widths as `layers` of `quantizeModel`. */
export function layersOf({ bits }: Pick<BitChoice, 'bits'>): NonNullable<QuantizeModelOptions['layers']> {
  return Object.fromEntries(Object.entries(bits).map(([node, chosen]) => [node, { bits: chosen }]));
}

/** Of a layer's constants with their scales. */
function bytesOf({ constants }: QuantizedLayer, bits: number, storage: WeightStorage): number {
  let sum = 0;
  for (const { float, stored } of constants) {
    for (const each of stored) {
      const isCodes = storage === 'packed' && isInteger(each.elementType) && each.data.length === float.data.length;
      sum += isCodes ? Math.ceil((each.data.length * bits) / 8) : storedBytes([each]);
    }
  }
  return sum;
}
