import { InvalidInput, InvalidQuantization } from '../base/errors.ts';
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
import { Comparison, type RunOptions } from '../graph/explain/runs.ts';
import { isInteger, storedBytes } from '../graph/hostTensor.ts';
import type { Model, ModelInputs } from '../graph/model.ts';
import { LayerTable, type QuantizeModelOptions } from '../graph/quantization/options.ts';
import { quantizeGraph } from '../graph/quantization/quantizeGraph.ts';
import { upgradeGraph } from './upgrade.ts';

/** How widths are chosen. */
export interface ChooseBitsOptions extends RunOptions {
  /** Bytes that the weights of all quantized layers and their scales may take. Biases and layers in float are not counted. */
  readonly budgetBytes: number;
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
 * ```ts
 * const choice = await chooseBits(model, batches.slice(0, 4), { budgetBytes: 400_000 });
 * const layers = layersOf(choice);
 * const quantized = quantizeModel(model, statistics, { layers });
 * ```
 *
 * @throws InvalidInput for no samples, a model without layers to quantize, and a budget below the narrowest widths;
 * InvalidQuantization for widths that there are not; Aborted; whatever `run` throws
 */
export async function chooseBits(
  model: Model,
  samples: readonly ModelInputs[],
  options: ChooseBitsOptions,
): Promise<BitChoice> {
  const { budgetBytes, storage = 'onnx', quantization = {} } = options;
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
    bytes: point.bytes,
    predictedSqnr: point.sqnr,
    measuredSqnr: decibels(await comparison.noise(together.graph)),
    bits: point.bits,
    curve: curve.map(({ bytes, sqnr }) => ({ bytes, sqnr })),
    layers,
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
