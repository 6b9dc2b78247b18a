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
import { decibels } from '../graph/explain/difference.ts';
import { type QuantizedLayer, QuantizedLayers } from '../graph/explain/layers.ts';
import { layerTimes, millisecondsOf } from '../graph/explain/layerTimes.ts';
import { plannedModel } from '../graph/explain/operations.ts';
import { Comparison, type RunOptions } from '../graph/explain/runs.ts';
import { isInteger, storedBytes } from '../graph/hostTensor.ts';
import { Model, type ModelInputs } from '../graph/model.ts';
import { LayerTable, neededOpset, type QuantizeModelOptions } from '../graph/quantization/options.ts';
import { isProduct } from '../graph/quantization/placement.ts';
import { quantizeGraph } from '../graph/quantization/quantizeGraph.ts';
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
}

/**
 * Chooses the bits of each layer's weights under a budget so that the outputs suffer least. Each width of each layer is
 * measured by itself: the noise in the model's outputs on the samples, everything else in float. See `bitCurve` for the rest.
 * Takes one run of the model for each width, layer and sample.
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
 * InvalidQuantization for widths that there are not; Aborted; whatever `run` throws
 */
export async function chooseBits(
  model: Model,
  samples: readonly ModelInputs[],
  options: ChooseBitsOptions,
): Promise<BitChoice> {
  const { budgetMilliseconds, storage = 'onnx', quantization = {} } = options;
  if (budgetMilliseconds !== undefined) return chooseFloats(model, samples, budgetMilliseconds, options);
  const { budgetBytes } = options;
  if (budgetBytes === undefined) throw new InvalidInput('There is no budget; give bytes or milliseconds.');
  const { widths = storage === 'onnx' ? [8, 4] : [8, 7, 6, 5, 4, 3, 2] } = options;
  if (samples.length === 0) throw new InvalidInput('There are no samples to measure widths with; give at least one.');
  if (widths.length === 0) throw new InvalidQuantization('There are no widths to choose from; give at least one.');
  const { operators } = model;
  const source = upgradeGraph(model.source, 21);
  const quantized = (layers: QuantizeModelOptions['layers'], bits?: number): QuantizedLayers => {
    const weights = { ...quantization.weights, ...(bits !== undefined && { bits }) };
    const chosen = { ...quantization, weights, activations: 'float' as const, ...(layers && { layers }) };
    return new QuantizedLayers(source, quantizeGraph(source, operators, undefined, chosen).graph, operators);
  };
  const candidates = widths.flatMap((width) => {
    const table = new LayerTable(source.nodes, { ...quantization, weights: { ...quantization.weights, bits: width } });
    const found = quantized(quantization.layers, width);
    return found.layers.map((layer) => ({ layer, found, bits: table.formatOf(layer.node)?.bits ?? width }));
  });
  // Layers whose bits are given have but one width.
  const distinct = new Map(candidates.map((each) => [`${each.bits} ${each.layer.node.name}`, each]));
  if (distinct.size === 0)
    throw new InvalidInput('The model has no layers with weights to quantize; leave the budget out.');
  const comparison = new Comparison(model, samples, 2 + distinct.size, options);
  const costs = new Map<string, WidthCost[]>();
  for (const { layer, found, bits } of distinct.values()) {
    const noise = await comparison.noise(found.only((other) => other === layer));
    const known = costs.get(layer.node.name) ?? [];
    costs.set(layer.node.name, [...known, { bits, bytes: bytesOf(layer, bits, storage), noise }]);
  }
  const layers: LayerCosts[] = [...costs].map(([node, measured]) => ({ node, widths: measured }));
  const curve = bitCurve(layers);
  const point = pointWithin(curve, budgetBytes);
  const together = quantized({ ...quantization.layers, ...layersOf(point) });
  return {
    storage,
    budgetBytes,
    milliseconds: null,
    bytes: point.bytes,
    predictedSqnr: point.sqnr,
    measuredSqnr: decibels(await comparison.noise(together.graph)),
    bits: point.bits,
    curve: curve.map(({ bytes, sqnr }) => ({ bytes, sqnr })),
    layers,
  };
}

/** Chooses which layers stay in float, so that a run takes no longer than is given and outputs suffer least. */
async function chooseFloats(
  model: Model,
  samples: readonly ModelInputs[],
  budget: number,
  options: ChooseBitsOptions,
): Promise<BitChoice> {
  const { statistics, storage = 'onnx', quantization = {}, signal, budgetBytes } = options;
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
  const { graph } = quantizeGraph(source, operators, statistics, quantization);
  const found = new QuantizedLayers(source, graph, operators);
  const table = new LayerTable(source.nodes, quantization);
  const layers = found.layers.filter(
    ({ node, values, constants }) => isProduct(node) && values.length === 1 && constants.length > 0,
  );
  if (layers.length === 0) throw new InvalidInput('The model has no layers to quantize; leave the budget out.');
  using plain = new Model(engine, found.graph, operators, { optimize: false });
  const { types } = plannedModel(plain, first);
  const comparison = new Comparison(model, samples, 2 + layers.length, options);
  const costs: LayerCosts[] = [];
  for (const layer of layers) {
    const { node, constants } = layer;
    const type = types.get(node.inputs[0] ?? '');
    if (!type) continue;
    const times = await layerTimes(model, found, layer, type, signal);
    const noise = await comparison.noise(found.only((other) => other === layer));
    const bits = table.formatOf(node)?.bits ?? 8;
    const floatBytes = storedBytes(constants.map(({ float }) => float));
    costs.push({
      node: node.name,
      widths: [
        { bits, bytes: bytesOf(layer, bits, storage), noise, milliseconds: times.codes },
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
  const chosen = { ...quantization, layers: { ...quantization.layers, ...layersOf(point) } };
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
