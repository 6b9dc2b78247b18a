import type { Graph, GraphNode } from '../graph.ts';
import { GraphEditor } from '../graphEditor.ts';
import { type HostTensor, hostTensor } from '../hostTensor.ts';
import { Model } from '../model.ts';
import type { OperatorTable } from '../operator.ts';
import { foldAffine } from '../passes/foldAffine.ts';

/** Two convolutions with nothing between them but functions that let factors through. */
interface Pair {
  readonly first: string;
  readonly second: string;
}

/** Weights and bias of a convolution while they change, in float64. */
interface Layer {
  readonly node: GraphNode;
  readonly weights: Float64Array;
  readonly bias: Float64Array | undefined;
  readonly channels: number;
  readonly inputsOfGroup: number;
  readonly groups: number;
  readonly taps: number;
}

/** Passes over all pairs: chains of several convolutions need more than one. */
const passes = 20;
/** Factors this close to 1 end the work. */
const tolerance = 1e-3;

/**
 * A model that computes the same, whose convolutions have channels of more equal weights, so that one scale for all loses
 * less: where a convolution reads another one's result, directly or after Relu or LeakyRelu, the factor √(r₁ / r₂) goes from
 * each channel's weights in the first to those that read it in the second, r being their greatest magnitudes
 * (Nagel et al., "Data-Free Quantization through Weight Equalization and Bias Correction", 2019). Batch normalization is folded
 * first. To be calibrated and quantized instead of the original; values between such convolutions have other ranges.
 *
 * @returns a model on the same engine, which the caller disposes
 */
export function equalizeLayers({ engine, source, operators }: Model): Model {
  return new Model(engine, equalizeGraph(source, operators), operators);
}

/** `equalizeLayers` of a graph. */
export function equalizeGraph(graph: Graph, operators: OperatorTable): Graph {
  const editor = new GraphEditor(graph, operators);
  foldAffine(editor);
  const pairs = editor.nodes.flatMap((node) => pairFrom(editor, node) ?? []);
  const layers = new Map<string, Layer>();
  for (const name of pairs.flatMap(({ first, second }) => [first, second])) {
    const layer = layers.get(name) ?? layerOf(editor, name);
    if (layer) layers.set(name, layer);
  }
  const changed = new Set<Layer>();
  for (let pass = 0; pass < passes; pass++) {
    let farthest = 0;
    for (const { first, second } of pairs) {
      const [before, after] = [layers.get(first), layers.get(second)];
      if (!before || !after) continue;
      farthest = Math.max(farthest, equalize(before, after));
      changed.add(before).add(after);
    }
    if (farthest < tolerance) break;
  }
  for (const layer of changed) store(editor, layer);
  return editor.finish();
}

const isOnnx = ({ operator, domain }: GraphNode, ...operators: readonly string[]): boolean =>
  domain === '' && operators.includes(operator);

/** The pair that a convolution begins, by the names of what the two make. */
function pairFrom(editor: GraphEditor, node: GraphNode): Pair | undefined {
  if (!isOnnx(node, 'Conv')) return undefined;
  const [first = ''] = node.outputs;
  let value = first;
  for (let next = editor.onlyUser(value); next; next = editor.onlyUser(value)) {
    const [result = ''] = next.outputs;
    if (isOnnx(next, 'Conv')) return next.inputs[0] === value ? { first, second: result } : undefined;
    const slope = next.attributes.get('alpha') ?? 0.01;
    if (!isOnnx(next, 'Relu') && !(isOnnx(next, 'LeakyRelu') && Number(slope) >= 0)) return undefined;
    value = result;
  }
  return undefined;
}

function layerOf(editor: GraphEditor, name: string): Layer | undefined {
  const node = editor.maker(name);
  const [weights, bias] = [1, 2].map((index) => editor.constant(node?.inputs[index]));
  if (!node || weights?.elementType !== 'float32' || (node.inputs[2] && !bias)) return undefined;
  const [channels = 0, inputsOfGroup = 0] = weights.shape;
  return {
    node,
    weights: Float64Array.from(weights.data),
    bias: bias && Float64Array.from(bias.data),
    channels,
    inputsOfGroup,
    groups: Number(node.attributes.get('group') ?? 1),
    taps: weights.data.length / Math.max(channels * inputsOfGroup, 1),
  };
}

/** Moves factors from one layer's channels to the other's inputs. Gives how far the farthest was from 1. */
function equalize(before: Layer, after: Layer): number {
  if (before.channels !== after.inputsOfGroup * after.groups) return 0;
  const size = before.weights.length / before.channels;
  let farthest = 0;
  for (let channel = 0; channel < before.channels; channel++) {
    const own = before.weights.subarray(channel * size, (channel + 1) * size);
    const readers = readersOf(after, channel);
    const [most, mostReader] = [greatest([own]), greatest(readers)];
    // A channel of zeros has nothing to share.
    if (most === 0 || mostReader === 0) continue;
    const factor = Math.sqrt(most / mostReader);
    for (let index = 0; index < size; index++) own[index] = (own[index] ?? 0) / factor;
    if (before.bias) before.bias[channel] = (before.bias[channel] ?? 0) / factor;
    for (const part of readers) for (let tap = 0; tap < part.length; tap++) part[tap] = (part[tap] ?? 0) * factor;
    farthest = Math.max(farthest, Math.abs(factor - 1));
  }
  return farthest;
}

/** The weights that a layer multiplies an input channel with: views of the taps of each output channel of its group. */
function readersOf({ weights, channels, groups, inputsOfGroup, taps }: Layer, input: number): Float64Array[] {
  const channelsOfGroup = channels / groups;
  const group = Math.floor(input / inputsOfGroup);
  return Array.from({ length: channelsOfGroup }, (_, index) => {
    const start = ((group * channelsOfGroup + index) * inputsOfGroup + (input % inputsOfGroup)) * taps;
    return weights.subarray(start, start + taps);
  });
}

const greatest = (parts: readonly Float64Array[]): number =>
  parts.reduce((most, part) => part.reduce((least, value) => Math.max(least, Math.abs(value)), most), 0);

function store(editor: GraphEditor, { node, weights, bias }: Layer): void {
  const add = (index: number, values: Float64Array): string => {
    const name = node.inputs[index];
    const shape = (editor.constant(name) as HostTensor).shape;
    return editor.addInitializer(`${name}_equalized`, hostTensor('float32', shape, values));
  };
  const [x = ''] = node.inputs;
  editor.update(node, { inputs: [x, add(1, weights), ...(bias ? [add(2, bias)] : [])] });
}
