import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { RecurrentStates } from './lstm.ts';
import {
  operandBindings,
  outputsShape,
  type RecurrenceOptions,
  recurrenceFields,
  startingState,
  stepParts,
} from './recurrence.ts';

const gruKernel = declareKernel({
  name: 'nn/gru',
  uniforms: recurrenceFields,
  bindings: {
    projected: 'read',
    weights: 'read',
    parameters: 'read',
    initial: 'read',
    lengths: 'read',
    y: 'write',
    hidden: 'write',
    gated: 'write',
  },
});

/** A GRU layer. Gates lie in the order update, reset, candidate. */
export interface GruOptions extends RecurrenceOptions {
  /** The reset gate acts on a candidate's sum over the states, in one dispatch a step; on the states themselves, in two, otherwise. */
  readonly resetsSums: boolean;
}

/**
 * Runs a GRU layer in f32: sigmoid gates, hyperbolic tangent of the candidate. A sample that has fewer steps than the layer
 * keeps its last state, and is zero in the outputs from there on. (K. Cho and others: Learning phrase representations using
 * RNN encoder-decoder, 2014.)
 * @returns y as `outputsShape` says, the state as `stateShape` does.
 * @throws LimitExceeded for an operand larger than one binding; DisposedTensor
 */
export function gru(engine: Engine, options: GruOptions): RecurrentStates {
  const { shape, initial, parameters, resetsSums } = options;
  const { directionCount, batchCount, unitCount } = shape;
  const y = engine.empty(outputsShape(shape), 'float32');
  const hidden = startingState(engine, shape, initial);
  using gated = engine.empty([directionCount, batchCount, 2, unitCount], 'float32');
  const bindings = { ...operandBindings(options), y, hidden, gated };
  const own = { hasBias: parameters !== undefined, hasPeepholes: false, coupled: false };
  const variantOf = (gates: boolean, candidate: boolean) => ({ conditions: { gates, candidate } });
  const variants = resetsSums ? [variantOf(false, false)] : [variantOf(true, false), variantOf(false, true)];
  for (const parts of partsOfSteps([...stepParts(engine, options, 3, own)])) {
    // All gates of a step come before its candidates.
    for (const variant of variants) for (const part of parts) engine.run(gruKernel, { ...part, bindings, variant });
  }
  return { y, hidden };
}

/** Parts of the same step together. */
function partsOfSteps<P extends { readonly uniforms: { readonly step: number } }>(parts: readonly P[]): P[][] {
  const steps: P[][] = [];
  for (const part of parts) {
    const parts = steps[part.uniforms.step];
    if (parts) parts.push(part);
    else steps[part.uniforms.step] = [part];
  }
  return steps;
}
