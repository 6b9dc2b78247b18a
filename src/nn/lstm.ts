import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import {
  operandBindings,
  outputsShape,
  type RecurrenceOptions,
  recurrenceFields,
  startingState,
  stepParts,
} from './recurrence.ts';

const lstmKernel = declareKernel({
  name: 'nn/lstm',
  uniforms: recurrenceFields,
  bindings: {
    projected: 'read',
    weights: 'read',
    parameters: 'read',
    initial: 'read',
    lengths: 'read',
    y: 'write',
    hidden: 'write',
    memory: 'write',
  },
});

/** An LSTM layer. Gates lie in the order input, output, forget, cell. */
export interface LstmOptions extends RecurrenceOptions {
  /** Cell states before the first step; zeros unless given. */
  readonly initialMemory?: Tensor<'float32'>;
  /** Whether `parameters` has the biases. */
  readonly hasBias: boolean;
  /** Whether it has peephole weights of the input, output and forget gates behind them. */
  readonly hasPeepholes: boolean;
  /** The forget gate is what the input gate leaves of 1; false unless given. */
  readonly coupled?: boolean;
}

/** States of a recurrent layer: after each step, and after the last one. */
export interface RecurrentStates {
  readonly y: Tensor<'float32'>;
  readonly hidden: Tensor<'float32'>;
}

/** States of an LSTM, and its cell states after the last step. */
export interface LstmStates extends RecurrentStates {
  readonly memory: Tensor<'float32'>;
}

/**
 * Runs an LSTM layer in f32, with a dispatch for each step: sigmoid gates, hyperbolic tangents of cell input and output.
 * A sample that has fewer steps than the layer keeps its last state, and is zero in the outputs from there on.
 * (S. Hochreiter, J. Schmidhuber: Long short-term memory, 1997; with forget gates.)
 * @returns y as `outputsShape` says, the states as `stateShape` does.
 * @throws LimitExceeded for an operand larger than one binding; DisposedTensor
 */
export function lstm(engine: Engine, options: LstmOptions): LstmStates {
  const { shape, initial, initialMemory, hasBias, hasPeepholes, coupled = false } = options;
  const y = engine.empty(outputsShape(shape), 'float32');
  const hidden = startingState(engine, shape, initial);
  const memory = startingState(engine, shape, initialMemory);
  for (const part of stepParts(engine, options, 4, { hasBias, hasPeepholes, coupled })) {
    engine.run(lstmKernel, { ...part, bindings: { ...operandBindings(options), y, hidden, memory } });
  }
  return { y, hidden, memory };
}
