import type { Attribute } from '../../src/graph/graph.ts';
import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { GRU, LSTM } from '../../src/onnx/operators/recurrent.ts';
import { createRandom } from '../reference/random.ts';
import type { NamedCase } from './nodeCases.ts';

/** Extents of a layer, and which operands it has. */
interface Layer {
  readonly steps?: number;
  readonly samples?: number;
  readonly inputs?: number;
  readonly units?: number;
  readonly bias?: boolean;
  readonly lengths?: readonly number[];
  readonly states?: boolean;
  readonly peepholes?: boolean;
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

/** Ten steps of f32 sums of 20 products, whose errors the gates do not amplify. */
const tolerance = 1e-5;
const random = createRandom(20261123);
const floats = (...shape: number[]): HostTensor =>
  hostTensor(
    'float32',
    shape,
    random.normalArray(
      shape.reduce((product, length) => product * length, 1),
      0,
      0.7,
    ),
  );

function layer(name: string, operator: typeof LSTM, extents: Layer): NamedCase {
  const { steps = 6, samples = 3, inputs: inputCount = 4, units = 5, bias, lengths, states, peepholes } = extents;
  const attributes: Record<string, Attribute> = { hidden_size: units, ...extents.attributes };
  const directions = attributes.direction === 'bidirectional' ? 2 : 1;
  const batchFirst = attributes.layout === 1;
  const gates = (operator === LSTM ? 4 : 3) * units;
  const state = () => (batchFirst ? floats(samples, directions, units) : floats(directions, samples, units));
  const inputs = [
    batchFirst ? floats(samples, steps, inputCount) : floats(steps, samples, inputCount),
    floats(directions, gates, inputCount),
    floats(directions, gates, units),
    bias ? floats(directions, 2 * gates) : undefined,
    lengths ? hostTensor('int32', [samples], lengths) : undefined,
    states ? state() : undefined,
    ...(operator === LSTM && (states || peepholes) ? [states ? state() : undefined] : []),
    ...(peepholes ? [floats(directions, 3 * units)] : []),
  ];
  while (inputs.at(-1) === undefined) inputs.pop();
  const constants = [1, 2, 3, 4].filter((index) => inputs[index]);
  const outputCount = operator === LSTM ? 3 : 2;
  return {
    name: `${operator.name} ${name}`,
    operator,
    inputs,
    constants,
    outputCount,
    attributes,
    tolerance,
    floatAttributes: ['clip'],
  };
}

/** Cases of recurrent layers that ONNX Runtime computes too. */
export const recurrentCases: NamedCase[] = [LSTM, GRU].flatMap((operator) => [
  layer('as it is', operator, {}),
  layer('backwards, with everything', operator, {
    bias: true,
    lengths: [6, 2, 5],
    states: true,
    attributes: { direction: 'reverse', clip: 0.9 },
  }),
  layer('both ways, with everything', operator, {
    bias: true,
    lengths: [3, 6, 1],
    states: true,
    attributes: { direction: 'bidirectional' },
  }),
  layer('of one step, sample and unit', operator, { steps: 1, samples: 1, inputs: 1, units: 1, bias: true }),
  ...(operator === LSTM
    ? [
        layer('with peepholes', operator, { bias: true, peepholes: true, attributes: { direction: 'bidirectional' } }),
        layer('with coupled gates', operator, { bias: true, states: true, attributes: { input_forget: 1 } }),
      ]
    : [
        layer('that resets sums', operator, { bias: true, states: true, attributes: { linear_before_reset: 1 } }),
        layer('that resets sums, both ways', operator, {
          bias: true,
          lengths: [6, 4, 2],
          attributes: { linear_before_reset: 1, direction: 'bidirectional' },
        }),
      ]),
]);

/** Cases that ONNX Runtime does not compute: samples first, and samples and layers without steps. */
export const furtherRecurrentCases: NamedCase[] = [LSTM, GRU].flatMap((operator) => [
  layer('with samples first', operator, {
    bias: true,
    states: true,
    lengths: [6, 0, 3],
    attributes: { layout: 1, direction: 'bidirectional' },
  }),
  layer('without steps', operator, { steps: 0, states: true }),
  layer('with more units than a workgroup', operator, { steps: 2, samples: 2, units: 33, bias: true }),
]);
