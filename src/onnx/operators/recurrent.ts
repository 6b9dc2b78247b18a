import { elementCount, type Shape } from '../../base/shape.ts';
import { matmul } from '../../gemm/matmul.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { type HostTensor, hostTensor } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator, RecordContext, StaticNode, ValueType } from '../../graph/operator.ts';
import { gru } from '../../nn/gru.ts';
import { lstm } from '../../nn/lstm.ts';
import { concatenate } from '../../nn/move.ts';
import { outputsShape, type RecurrenceShape, stateShape } from '../../nn/recurrence.ts';
import { namedOutputs } from './namedOutputs.ts';
import { hostInput } from './rearrange.ts';
import { recordTransposed } from './transposedMatrices.ts';

/** What LSTM and GRU have in common as ONNX describes them. */
interface Layer {
  readonly gateCount: 3 | 4;
  /** Functions that are computed: those that a node has if it names none. */
  readonly activations: readonly string[];
}

const lstmLayer: Layer = { gateCount: 4, activations: ['sigmoid', 'tanh', 'tanh'] };
const gruLayer: Layer = { gateCount: 3, activations: ['sigmoid', 'tanh'] };

function unsupportedReason({ node }: StaticNode, layer: Layer): string | undefined {
  const given = node.attributes.get('activations');
  if (!Array.isArray(given)) return undefined;
  const usual = given.every((name, index) => {
    return String(name).toLowerCase() === layer.activations[index % layer.activations.length];
  });
  return usual
    ? undefined
    : `its functions are ${given.join(', ')}, but only ${layer.activations.join(', ')} are computed`;
}

/** The extents of a node. @throws MalformedModel where operands do not fit together. */
function shapeOf(context: NodeContext, { gateCount }: Layer): RecurrenceShape {
  const direction = context.text('direction', 'forward');
  if (!['forward', 'reverse', 'bidirectional'].includes(direction)) {
    context.fail(`direction "${direction}" is none of forward, reverse, bidirectional`);
  }
  const directionCount = direction === 'bidirectional' ? 2 : 1;
  const batchFirst = context.number('layout', 0) === 1;
  const { shape: input } = context.input(0);
  const [first = 0, second = 0, inputCount = 0] = input;
  const [stepCount, batchCount] = batchFirst ? [second, first] : [first, second];
  const unitCount = context.number('hidden_size') ?? context.input(2).shape[2] ?? 0;
  const shape = { stepCount, batchCount, directionCount, unitCount, backwards: direction === 'reverse', batchFirst };
  const gates = gateCount * unitCount;
  const expected: readonly (Shape | undefined)[] = [
    [first, second, inputCount],
    [directionCount, gates, inputCount],
    [directionCount, gates, unitCount],
    [directionCount, 2 * gates],
    [batchCount],
    stateShape(shape),
    ...(gateCount === 4 ? [stateShape(shape), [directionCount, 3 * unitCount]] : []),
  ];
  expected.forEach((wanted, index) => {
    const given = index < 3 ? context.input(index) : context.optionalInput(index);
    if (
      given &&
      (given.shape.length !== wanted?.length || given.shape.some((length, axis) => length !== wanted[axis]))
    ) {
      context.fail(`input ${index} has shape [${given.shape}], but must have [${wanted}]`);
    }
  });
  const lengths = context.optionalInput(4);
  if (lengths && lengths.elementType !== 'int32') context.fail(`lengths are ${lengths.elementType}, but must be int32`);
  return shape;
}

function outputTypes(context: NodeContext, layer: Layer): ValueType[] {
  const shape = shapeOf(context, layer);
  const { elementType } = context.input(0);
  const state = { elementType, shape: stateShape(shape) };
  return [{ elementType, shape: outputsShape(shape) }, state, ...(layer.gateCount === 4 ? [state] : [])];
}

/** The operands that both layers have, with the input multiplied by its weights. */
function recordOperands(record: RecordContext, layer: Layer) {
  const { context, tensor, optionalTensor } = record;
  const shape = shapeOf(context, layer);
  const floats = (index: number) => optionalTensor(index) as Tensor<'float32'> | undefined;
  const initial = floats(5);
  const lengths = optionalTensor(4) as Tensor<'int32'> | undefined;
  const bound = context.number('clip');
  return {
    shape,
    weights: tensor(2) as Tensor<'float32'>,
    projected: recordProjection(record, shape),
    ...(initial && { initial }),
    ...(lengths && { lengths }),
    ...(bound !== undefined && { clip: bound }),
  };
}

/** All steps of the input times its weights: [directions][steps and samples][gates]. */
function recordProjection(record: RecordContext, shape: RecurrenceShape): Tensor<'float32'> {
  const { context, engine, tensor } = record;
  const inputCount = context.input(0).shape[2] ?? 0;
  const weights = recordTransposed(record, 1);
  using rows = (tensor(0) as Tensor<'float32'>).reshape([1, shape.stepCount * shape.batchCount, inputCount]);
  const projected = matmul(engine, rows, weights.tensor);
  weights.release();
  return projected;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** One step of a sample in one direction, on the CPU. */
interface HostStep {
  readonly direction: number;
  /** First element of the sample in a state. */
  readonly place: number;
  readonly before: Float64Array;
  /** What a gate of a unit gets from the input, and from a state, with their biases. */
  fromInput(gate: number, unit: number): number;
  fromState(gate: number, unit: number, state?: Float64Array): number;
}

/** Runs a layer on the CPU: `next` makes each element of a state from the one before. */
function runOnHost(
  context: NodeContext,
  inputs: readonly (HostTensor | undefined)[],
  layer: Layer,
  next: (step: HostStep) => (unit: number) => number,
): { readonly y: Float64Array; readonly hidden: Float64Array } {
  const shape = shapeOf(context, layer);
  const { stepCount, batchCount, directionCount, unitCount, backwards, batchFirst } = shape;
  const gates = layer.gateCount * unitCount;
  const [x, w, r] = [0, 1, 2].map((index) => hostInput(context, inputs, index).data);
  const [bias, lengths] = [inputs[3]?.data, inputs[4]?.data];
  const inputCount = context.input(0).shape[2] ?? 0;
  const y = new Float64Array(elementCount(outputsShape(shape)));
  const hidden = Float64Array.from(inputs[5]?.data ?? new Float64Array(elementCount(stateShape(shape))));
  const runStep = (direction: number, sample: number, time: number): void => {
    const place = unitCount * (batchFirst ? sample * directionCount + direction : direction * batchCount + sample);
    const row = (batchFirst ? sample * stepCount + time : time * batchCount + sample) * inputCount;
    const before = hidden.slice(place, place + unitCount);
    const input = x?.subarray(row, row + inputCount);
    const unitOf = next({
      direction,
      place,
      before,
      fromInput: (gate, unit) => {
        const line = gate * unitCount + unit;
        return dot(w, (direction * gates + line) * inputCount, input) + (bias?.[direction * 2 * gates + line] ?? 0);
      },
      fromState: (gate, unit, state = before) => {
        const line = gate * unitCount + unit;
        return (
          dot(r, (direction * gates + line) * unitCount, state) + (bias?.[(direction * 2 + 1) * gates + line] ?? 0)
        );
      },
    });
    for (let unit = 0; unit < unitCount; unit++) hidden[place + unit] = unitOf(unit);
    const output = batchFirst
      ? (sample * stepCount + time) * directionCount + direction
      : (time * directionCount + direction) * batchCount + sample;
    y.set(hidden.subarray(place, place + unitCount), output * unitCount);
  };
  for (let direction = 0; direction < directionCount; direction++) {
    for (let sample = 0; sample < batchCount; sample++) {
      const length = Math.min(Math.max(lengths?.[sample] ?? stepCount, 0), stepCount);
      for (let step = 0; step < length; step++) {
        runStep(direction, sample, backwards || direction === 1 ? length - 1 - step : step);
      }
    }
  }
  return { y, hidden };
}

function dot(a: ArrayLike<number> | undefined, first: number, b: ArrayLike<number> | undefined): number {
  let sum = 0;
  for (let k = 0; k < (b?.length ?? 0); k++) sum += (a?.[first + k] ?? 0) * (b?.[k] ?? 0);
  return sum;
}

/** Bounds what goes into a gate, as the node's attribute `clip` says; an LSTM's cell state is not bounded, as in ONNX Runtime. */
function clipOf(context: NodeContext): (x: number) => number {
  const bound = context.number('clip') ?? Number.POSITIVE_INFINITY;
  return (x) => Math.min(Math.max(x, -bound), bound);
}

/** Outputs of the layer as host tensors, as many as the node has. */
function hostOutputs(context: NodeContext, layer: Layer, values: readonly Float64Array[]): HostTensor[] {
  const types = outputTypes(context, layer);
  return values
    .flatMap((data, index) => {
      const type = types[index];
      return type ? [hostTensor(type.elementType, type.shape, data)] : [];
    })
    .slice(0, context.node.outputs.length);
}

/** Long short-term memory, in one or both directions, with peepholes and coupled gates. */
export const LSTM: Operator = {
  name: 'LSTM',
  domain: '',
  unsupported: (node) => unsupportedReason(node, lstmLayer),
  infer: (context) => outputTypes(context, lstmLayer),
  evaluate: (context, inputs) => {
    const shape = shapeOf(context, lstmLayer);
    const memory = Float64Array.from(inputs[6]?.data ?? new Float64Array(elementCount(stateShape(shape))));
    const peepholes = inputs[7]?.data;
    const coupled = context.number('input_forget', 0) === 1;
    const clip = clipOf(context);
    const { y, hidden } = runOnHost(
      context,
      inputs,
      lstmLayer,
      ({ direction, place, fromInput, fromState }) =>
        (unit) => {
          const gate = (index: number): number => fromInput(index, unit) + fromState(index, unit);
          const peephole = (index: number): number =>
            peepholes?.[(direction * 3 + index) * shape.unitCount + unit] ?? 0;
          const before = memory[place + unit] ?? 0;
          const input = sigmoid(clip(gate(0) + peephole(0) * before));
          const forget = coupled ? 1 - input : sigmoid(clip(gate(2) + peephole(2) * before));
          const now = forget * before + input * Math.tanh(clip(gate(3)));
          memory[place + unit] = now;
          return sigmoid(clip(gate(1) + peephole(1) * now)) * Math.tanh(now);
        },
    );
    return hostOutputs(context, lstmLayer, [y, hidden, memory]);
  },
  record: (record) => {
    const { context, engine, optionalTensor } = record;
    const operands = recordOperands(record, lstmLayer);
    const floats = (index: number) => optionalTensor(index) as Tensor<'float32'> | undefined;
    const [bias, initialMemory, peepholes] = [floats(3), floats(6), floats(7)];
    const joined = bias && peepholes ? concatenate(engine, [bias, peepholes], 1) : undefined;
    const parameters = joined ?? bias ?? peepholes;
    const { y, hidden, memory } = lstm(engine, {
      ...operands,
      ...(parameters && { parameters }),
      ...(initialMemory && { initialMemory }),
      hasBias: bias !== undefined,
      hasPeepholes: peepholes !== undefined,
      coupled: context.number('input_forget', 0) === 1,
    });
    operands.projected.dispose();
    joined?.dispose();
    return namedOutputs(context, [y, hidden, memory]);
  },
  explain: (context) => explained(context, lstmLayer, 'nn/lstm, one dispatch a step'),
};

/** Gated recurrent unit, in one or both directions. */
export const GRU: Operator = {
  name: 'GRU',
  domain: '',
  unsupported: (node) => unsupportedReason(node, gruLayer),
  infer: (context) => outputTypes(context, gruLayer),
  evaluate: (context, inputs) => {
    const resetsSums = resetsSumsOf(context);
    const clip = clipOf(context);
    const { y, hidden } = runOnHost(context, inputs, gruLayer, ({ before, fromInput, fromState }) => {
      const gate = (index: number, unit: number): number =>
        sigmoid(clip(fromInput(index, unit) + fromState(index, unit)));
      const reset = before.map((state, unit) => state * gate(1, unit));
      return (unit) => {
        const state = resetsSums ? gate(1, unit) * fromState(2, unit) : fromState(2, unit, reset);
        const update = gate(0, unit);
        return (1 - update) * Math.tanh(clip(fromInput(2, unit) + state)) + update * (before[unit] ?? 0);
      };
    });
    return hostOutputs(context, gruLayer, [y, hidden]);
  },
  record: (record) => {
    const { context, engine, optionalTensor } = record;
    const operands = recordOperands(record, gruLayer);
    const parameters = optionalTensor(3) as Tensor<'float32'> | undefined;
    const { y, hidden } = gru(engine, {
      ...operands,
      ...(parameters && { parameters }),
      resetsSums: resetsSumsOf(context),
    });
    operands.projected.dispose();
    return namedOutputs(context, [y, hidden]);
  },
  explain: (context) =>
    explained(context, gruLayer, `nn/gru, ${resetsSumsOf(context) ? 'one dispatch' : 'two dispatches'} a step`),
};

/** Whether the reset gate acts on sums over the states, and not on the states themselves. */
function resetsSumsOf(context: NodeContext): boolean {
  return context.number('linear_before_reset', 0) !== 0;
}

function explained(context: NodeContext, layer: Layer, how: string): string {
  const { stepCount, directionCount } = shapeOf(context, layer);
  return `${how}: ${stepCount} steps, ${directionCount} direction(s); the input of all steps is multiplied by its weights at once`;
}

/** The family of recurrent layers. */
export const recurrentOperators: readonly Operator[] = [LSTM, GRU];
