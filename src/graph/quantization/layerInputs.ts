import { addMoments } from '../../calib/moments.ts';
import { type PatchWindow, patches } from '../../calib/patches.ts';
import type { Engine } from '../../gpu/engine.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import type { GraphNode } from '../graph.ts';
import { GraphEditor } from '../graphEditor.ts';
import type { HostTensor } from '../hostTensor.ts';
import type { Model } from '../model.ts';
import { type Batches, type BatchOptions, observeBatches } from '../observeBatches.ts';
import { isProduct } from './placement.ts';

/** What one layer was given: sums over the positions that were looked at. */
export interface InputMoments {
  readonly groups: number;
  /** Inputs of one output channel. */
  readonly columns: number;
  /** [groups, columns + 1, columns + 1]: Σ xᵢxⱼ; the last row and column hold Σ xᵢ, the last element the positions. */
  readonly sums: Float32Array;
}

/** What the layers of a model were given, by `layerKey`. */
export type LayerInputs = ReadonlyMap<string, InputMoments>;

/** How layers are observed. */
export interface ObserveLayersOptions extends BatchOptions {
  /**
   * Output positions looked at for each layer and batch, evenly spread as `positionStepOf` says. Unless given as many as an
   * output channel of the layer has inputs, but at least 128 and at most 1024: a few batches then have several times as many
   * positions as there are unknowns.
   */
  readonly positions?: number;
  /** Layers of more inputs to an output channel are left out; 2048 unless given. Memory grows with the square. */
  readonly largestColumns?: number;
}

/** A layer, and where its sums are. */
interface Observed {
  readonly window: PatchWindow | undefined;
  readonly groups: number;
  readonly columns: number;
  sums: Tensor<'float32'> | undefined;
}

const leastPositions = 128;
const mostPositions = 1024;

/** What tells the inputs of layers apart: a value and the window that slides over it. */
export function layerKey({ operator, attributes, inputs }: GraphNode, weights: HostTensor): string {
  return JSON.stringify([inputs[0], operator === 'Conv' ? windowOf(attributes, weights) : null]);
}

/**
 * Runs a model in float on sample inputs and sums up, on the GPU, how the inputs of each convolution and matrix product go
 * together: Σ xxᵀ and Σ x over output positions. This is what rounding weights by the layer's output needs (`gptq`,
 * `descent`, `adaround`), and correcting biases.
 *
 * @param model float, as it is to be quantized
 * @throws InvalidInput for no batches; Aborted; whatever `model.run` throws
 */
export async function observeLayers(
  model: Model,
  batches: Batches,
  options: ObserveLayersOptions = {},
): Promise<LayerInputs> {
  const { positions, largestColumns = 2048 } = options;
  const { engine, source, operators } = model;
  const layers = findLayers(new GraphEditor(source, operators), largestColumns);
  try {
    const observe = (name: string, tensor: Tensor<'float32'>): void => {
      for (const layer of layers.get(name)?.values() ?? []) addBatch(engine, layer, tensor, positions);
    };
    await observeBatches(model, batches, { observe, values: new Set(layers.keys()) }, options);
    const found = new Map<string, InputMoments>();
    for (const each of layers.values()) {
      for (const [key, { groups, columns, sums }] of each) {
        if (sums) found.set(key, { groups, columns, sums: await sums.read() });
      }
    }
    return found;
  } finally {
    for (const each of layers.values()) for (const { sums } of each.values()) sums?.dispose();
  }
}

/** Products with constant weights, by the name of their input and then by key. */
function findLayers(editor: GraphEditor, largestColumns: number): Map<string, Map<string, Observed>> {
  const layers = new Map<string, Map<string, Observed>>();
  for (const node of editor.nodes) {
    const [x = '', weightName] = node.inputs;
    const weights = editor.constant(weightName);
    if (!isProduct(node) || weights?.elementType !== 'float32') continue;
    const window = node.operator === 'Conv' ? windowOf(node.attributes, weights) : undefined;
    const [rows = 1, second = 1] = weights.shape;
    const transposed = node.operator === 'Gemm' && node.attributes.get('transB') === 1;
    const columns = window ? weights.data.length / rows : transposed ? second : rows;
    const fits = window ? window.kernel.length <= 2 : weights.shape.length === 2 && node.attributes.get('transA') !== 1;
    if (!fits || columns > largestColumns) continue;
    const known = layers.get(x) ?? new Map<string, Observed>();
    const layer = { window, groups: window?.groups ?? 1, columns, sums: undefined };
    layers.set(x, known.set(layerKey(node, weights), layer));
  }
  return layers;
}

function windowOf(attributes: GraphNode['attributes'], { shape }: HostTensor): PatchWindow {
  const kernel = shape.slice(2);
  const list = (name: string, fallback: number): readonly number[] => {
    const value = attributes.get(name);
    return Array.isArray(value) ? value.map(Number) : kernel.map(() => fallback);
  };
  const pads = attributes.get('pads');
  const [before, after] = Array.isArray(pads)
    ? [pads.slice(0, kernel.length).map(Number), pads.slice(kernel.length).map(Number)]
    : [kernel.map(() => 0), kernel.map(() => 0)];
  const auto = attributes.get('auto_pad');
  return {
    groups: Number(attributes.get('group') ?? 1),
    kernel,
    strides: list('strides', 1),
    dilations: list('dilations', 1),
    padding: auto === 'SAME_UPPER' ? 'upper' : auto === 'SAME_LOWER' ? 'lower' : { before, after },
  };
}

/** Records the addition of what one batch gives a layer. */
function addBatch(engine: Engine, layer: Observed, x: Tensor<'float32'>, limit: number | undefined): void {
  const { window, groups, columns } = layer;
  const width = columns + 1;
  // Plans of several input shapes add to the same sums.
  layer.sums ??= engine.uncaptured(() =>
    engine.tensor(new Float32Array(groups * width * width), [groups, width, width]),
  );
  const usual = Math.min(Math.max(columns, leastPositions), mostPositions);
  const { rows } = patches(engine, x, window, limit ?? usual);
  addMoments(engine, rows, layer.sums);
  rows.dispose();
}
