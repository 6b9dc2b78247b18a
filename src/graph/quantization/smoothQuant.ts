/** SmoothQuant (Xiao et al., "SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language Models", 2022). */
import { InvalidInput } from '../../base/errors.ts';
import { RangeObserver } from '../../calib/rangeObserver.ts';
import type { CalibrationStatistics } from '../../calib/statistics.ts';
import { perChannel } from '../../quant/granularity.ts';
import type { Graph, GraphNode } from '../graph.ts';
import { GraphEditor } from '../graphEditor.ts';
import { type HostTensor, hostTensor } from '../hostTensor.ts';
import { Model } from '../model.ts';
import { type Batches, type BatchOptions, observeBatches } from '../observeBatches.ts';
import type { OperatorTable } from '../operator.ts';
import { isOnnx } from '../passes/quantization.ts';
import { foldFactors } from './foldFactors.ts';
import { namesLike } from './options.ts';

/** How inputs of matrix products are smoothed. */
export interface SmoothOptions {
  /**
   * How much of the difference between channels goes from inputs to weights, 0 … 1; 0.5 unless given. At 1 all channels of the
   * inputs become alike, at 0 all rows of the weights.
   */
  readonly alpha?: number;
  /**
   * Layers that are smoothed, by names of nodes or of their constants, in which `*` stands for any text, or regular expressions;
   * unless given all MatMul and Gemm with constant weights.
   */
  readonly layers?: readonly (string | RegExp)[];
}

/** Magnitudes below this count as this, so that channels without anything in them keep finite factors. */
const leastMagnitude = 1e-5;

/**
 * Runs a model in float and finds the range of each channel, along the last axis, of what its matrix products read: what
 * `smoothLayers` wants. As `calibrate` with `perChannel(-1)`, but of these values alone, so that all others may change their lengths.
 *
 * @throws InvalidInput for no batches and values that are not finite; Aborted; whatever `model.run` throws
 */
export async function observeChannels(
  model: Model,
  batches: Batches,
  options: BatchOptions = {},
): Promise<CalibrationStatistics> {
  const { engine, source, operators } = model;
  const values = new Set(layersByInput(new GraphEditor(source, operators), undefined).keys());
  const observer = new RangeObserver(engine, { method: 'minmax', averagingConstant: 1, granularity: perChannel(-1) });
  try {
    await observeBatches(
      model,
      batches,
      {
        observe: (name, tensor) => {
          if (values.has(name)) observer.observe(name, tensor);
        },
        values,
        afterBatch: () => observer.endBatch(),
      },
      options,
    );
    return await observer.read();
  } finally {
    observer.dispose();
  }
}

/**
 * A model that computes the same, whose matrix products read channels of more equal magnitude, so that one scale for all of them
 * loses less: what a product reads is divided, channel by channel, by s = max|x|^α / max|w|^(1 − α), and its weights are multiplied by
 * that. Products that read the same value share s. The division goes into the constants of what makes the value: a normalization,
 * a matrix product, sums and products with constants; where nothing there can take it, a Div is put before the products. To be
 * calibrated and quantized instead of the original.
 *
 * ```ts
 * using smoothed = smoothLayers(model, await observeChannels(model, batches));
 * const quantized = quantizeModel(smoothed, await calibrate(smoothed, batches));
 * ```
 *
 * @param statistics ranges of each channel, from `observeChannels`
 * @returns a model on the same engine, which the caller disposes
 * @throws InvalidInput for an alpha out of range, patterns that fit no node, and statistics without channels or of another model
 */
export function smoothLayers(model: Model, statistics: CalibrationStatistics, options: SmoothOptions = {}): Model {
  const { engine, source, operators } = model;
  return new Model(engine, smoothGraph(source, operators, statistics, options), operators);
}

/** Names of the nodes whose inputs `smoothLayers` smooths unless told otherwise: products with constant weights. */
export function smoothableNodes({ source, operators }: Model): readonly string[] {
  const editor = new GraphEditor(source, operators);
  return [...layersByInput(editor, undefined).values()].flat().map((output) => editor.maker(output)?.name ?? output);
}

/** `smoothLayers` of a graph. */
export function smoothGraph(
  graph: Graph,
  operators: OperatorTable,
  statistics: CalibrationStatistics,
  options: SmoothOptions = {},
): Graph {
  const { alpha = 0.5, layers } = options;
  if (!(alpha >= 0 && alpha <= 1)) throw new InvalidInput(`Alpha is ${alpha}; give a number from 0 to 1.`);
  const editor = new GraphEditor(graph, operators);
  const groups = layersByInput(editor, layers);
  if (groups.size > 0 && ![...groups.keys()].some((name) => Object.hasOwn(statistics.values, name))) {
    throw new InvalidInput('The statistics have nothing that matrix products read; use observeChannels on this model.');
  }
  for (const [name, outputs] of groups) {
    const ranges = statistics.values[name];
    if (!ranges) continue;
    const nodes = outputs.flatMap((output) => editor.maker(output) ?? []);
    const magnitudes = rowMagnitudes(editor, nodes);
    if (ranges.minimum.length !== magnitudes.length) {
      throw new InvalidInput(
        `The statistics have ${ranges.minimum.length} range(s) of "${name}", which has ${magnitudes.length} channels; use observeChannels on this model.`,
      );
    }
    const factors = magnitudes.map((weight, channel) => {
      const [least = 0, greatest = 0] = [ranges.minimum[channel], ranges.maximum[channel]];
      const input = Math.max(-least, greatest, leastMagnitude);
      return Math.fround(input ** alpha / Math.max(weight, leastMagnitude) ** (1 - alpha));
    });
    smooth(editor, name, nodes, factors);
  }
  return editor.finish();
}

/** Products with constant weights of two axes, as the names of what they make, by the name of what they read. */
function layersByInput(editor: GraphEditor, patterns: SmoothOptions['layers']): ReadonlyMap<string, readonly string[]> {
  const chosen = patterns && new Set(patterns.flatMap((pattern) => [...namesLike(editor.nodes, pattern)]));
  const found = new Map<string, string[]>();
  for (const node of editor.nodes) {
    const [x = '', weights] = node.inputs;
    const constant = isOnnx(node, 'MatMul', 'Gemm') ? editor.constant(weights) : undefined;
    const fits = constant?.elementType === 'float32' && constant.shape.length === 2 && !editor.constant(x);
    if (!fits || node.attributes.get('transA') === 1 || chosen?.has(node.name) === false) continue;
    found.set(x, [...(found.get(x) ?? []), node.outputs[0] ?? '']);
  }
  return found;
}

/** The weights of a product, and the axis that goes along its inputs. */
function weightsOf(editor: GraphEditor, node: GraphNode): { readonly weights: HostTensor; readonly axis: 0 | 1 } {
  const weights = editor.constant(node.inputs[1]) ?? hostTensor('float32', [0, 0], []);
  return { weights, axis: node.operator === 'Gemm' && node.attributes.get('transB') === 1 ? 1 : 0 };
}

/** Greatest magnitude of the weights that each channel is multiplied with, over several products. */
function rowMagnitudes(editor: GraphEditor, nodes: readonly GraphNode[]): number[] {
  const found: number[] = [];
  for (const node of nodes) {
    const { weights, axis } = weightsOf(editor, node);
    weights.data.forEach((weight, index) => {
      const channel = placeOn(weights, axis, index);
      found[channel] = Math.max(found[channel] ?? 0, Math.abs(weight));
    });
  }
  return found;
}

const placeOn = ({ shape }: HostTensor, axis: 0 | 1, index: number): number => {
  const [, columns = 1] = shape;
  return axis === 0 ? Math.floor(index / columns) : index % columns;
};

/** Divides what products read by factors and multiplies their weights with these. */
function smooth(editor: GraphEditor, name: string, nodes: readonly GraphNode[], factors: readonly number[]): void {
  const inputs = new Map<GraphNode, readonly string[]>();
  for (const node of nodes) {
    const { weights, axis } = weightsOf(editor, node);
    const data = weights.data.map((weight, index) => weight * (factors[placeOn(weights, axis, index)] ?? 1));
    const smoothed = editor.addInitializer(`${node.inputs[1]}_smoothed`, { ...weights, data });
    inputs.set(node, node.inputs.with(1, smoothed));
  }
  const inverse = factors.map((factor) => 1 / factor);
  const isAll = !editor.isOutput(name) && editor.users(name).every((user) => inputs.has(user));
  if (isAll && foldFactors(editor, name, inverse)) {
    for (const [node, changed] of inputs) editor.update(node, { inputs: changed });
    return;
  }
  // A division, since quantization takes products of two values apart and then would have to round the value before it.
  const divisor = editor.addInitializer(`${name}_smoothing`, hostTensor('float32', [factors.length], factors));
  const divided = editor.freshName(`${name}_smoothed`);
  editor.insert({ operator: 'Div', domain: '', inputs: [name, divisor], outputs: [divided] });
  for (const [node, changed] of inputs) editor.update(node, { inputs: changed.with(0, divided) });
}
