import type { GraphNode } from '../graph.ts';
import type { GraphEditor } from '../graphEditor.ts';
import { type HostTensor, hostTensor } from '../hostTensor.ts';

/** Each channel times its factor, plus its summand. */
interface Affine {
  readonly scale: (channel: number) => number;
  readonly shift: (channel: number) => number;
}

/**
 * Folds what follows a convolution with constant weights into them: batch normalizations, and products, quotients, sums and
 * differences with a constant or one a channel. In float64, rounded to float32 once for a whole chain.
 */
export function foldAffine(editor: GraphEditor): void {
  for (const node of editor.nodes) {
    if (editor.has(node) && isConvolution(node)) foldInto(editor, node);
  }
}

/** True for convolutions of ONNX. */
export const isConvolution = ({ operator, domain }: GraphNode): boolean =>
  domain === '' && (operator === 'Conv' || operator === 'ConvTranspose');

function foldInto(editor: GraphEditor, convolution: GraphNode): void {
  const [x = '', weightsName, biasName] = convolution.inputs;
  const weights = editor.constant(weightsName);
  const bias = biasName ? editor.constant(biasName) : undefined;
  if (weights?.elementType !== 'float32' || (biasName && !bias)) return;
  const groups = convolution.attributes.get('group') ?? 1;
  const transposed = convolution.operator === 'ConvTranspose';
  const [first = 0, second = 0] = weights.shape;
  if (typeof groups !== 'number' || weights.shape.length < 3) return;
  const channelCount = transposed ? second * groups : first;
  const scales = new Float64Array(channelCount).fill(1);
  const shifts = Float64Array.from(scales, (_, channel) => bias?.data[channel] ?? 0);
  const folded: GraphNode[] = [];
  let result = convolution.outputs[0];
  for (let next = editor.onlyUser(result); next; next = editor.onlyUser(result)) {
    const affine = affineOf(editor, next, result ?? '', channelCount, weights.shape.length);
    if (!affine) break;
    for (let channel = 0; channel < channelCount; channel++) {
      const factor = affine.scale(channel);
      scales[channel] = (scales[channel] ?? 1) * factor;
      shifts[channel] = (shifts[channel] ?? 0) * factor + affine.shift(channel);
    }
    folded.push(next);
    result = next.outputs[0];
  }
  if (folded.length === 0 || result === undefined) return;
  const perChannel = weights.data.length / (weights.shape[0] ?? 1) / (transposed ? second : 1);
  const channelOf = transposed
    ? (index: number): number => {
        const [input, output] = [Math.floor(index / (perChannel * second)), Math.floor(index / perChannel) % second];
        return Math.floor(input / (first / groups)) * second + output;
      }
    : (index: number): number => Math.floor(index / perChannel);
  const scaled = Float64Array.from(weights.data, (weight, index) => weight * (scales[channelOf(index)] ?? 1));
  const name = convolution.name;
  editor.fuse([convolution, ...folded], {
    operator: convolution.operator,
    domain: '',
    inputs: [
      x,
      editor.addInitializer(`${name} weights`, hostTensor('float32', weights.shape, scaled)),
      editor.addInitializer(`${name} bias`, hostTensor('float32', [channelCount], shifts)),
    ],
    outputs: [result],
    attributes: convolution.attributes,
  });
}

/** What a node does to each channel of one of its inputs, if that is all that it does. */
function affineOf(
  editor: GraphEditor,
  node: GraphNode,
  input: string,
  channelCount: number,
  rank: number,
): Affine | undefined {
  if (node.domain !== '') return undefined;
  if (node.operator === 'BatchNormalization') return normalizationOf(editor, node, input);
  const [left, right] = node.inputs;
  const other = left === input ? right : left;
  if (node.inputs.length !== 2 || other === input) return undefined;
  const constant = editor.constant(other);
  const value = constant && channelValues(constant, channelCount, rank);
  if (!value) return undefined;
  const nothing = (): number => 0;
  const one = (): number => 1;
  if (node.operator === 'Mul') return { scale: value, shift: nothing };
  if (node.operator === 'Add') return { scale: one, shift: value };
  if (node.operator === 'Sub') {
    return left === input ? { scale: one, shift: (channel) => -value(channel) } : { scale: () => -1, shift: value };
  }
  if (node.operator === 'Div' && left === input) return { scale: (channel) => 1 / value(channel), shift: nothing };
  return undefined;
}

/** A constant as a function of the channel: one number, or one a channel along axis 1. */
function channelValues(
  { elementType, shape, data }: HostTensor,
  channelCount: number,
  rank: number,
): Affine['scale'] | undefined {
  if (elementType !== 'float32' || shape.length > rank) return undefined;
  if (data.length === 1) return () => data[0] ?? 0;
  const lengths = [...new Array<number>(rank - shape.length).fill(1), ...shape];
  const isAlongChannels = lengths.every((length, axis) => length === (axis === 1 ? channelCount : 1));
  return isAlongChannels ? (channel) => data[channel] ?? 0 : undefined;
}

function normalizationOf(editor: GraphEditor, node: GraphNode, input: string): Affine | undefined {
  const [x, ...parameters] = node.inputs;
  const outputs = node.outputs.filter((name) => name !== '');
  const inTraining = node.attributes.get('training_mode') === 1 || node.attributes.get('spatial') === 0;
  if (x !== input || outputs.length !== 1 || inTraining) return undefined;
  const [scale, bias, mean, variance] = parameters.map((name) => editor.constant(name)?.data);
  if (!scale || !bias || !mean || !variance) return undefined;
  const epsilon = node.attributes.get('epsilon') ?? 1e-5;
  const factor = (channel: number): number =>
    (scale[channel] ?? 0) / Math.sqrt((variance[channel] ?? 0) + Number(epsilon));
  return { scale: factor, shift: (channel) => (bias[channel] ?? 0) - (mean[channel] ?? 0) * factor(channel) };
}
