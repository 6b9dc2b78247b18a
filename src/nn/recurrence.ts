import type { Shape } from '../base/shape.ts';
import type { Allocation } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import type { Tensor } from '../gpu/tensor.ts';
import type { UniformValues } from '../gpu/uniforms.ts';
import { workRuns } from '../gpu/windows.ts';

/** The fields of `Recurrence` in `shaders/nn/recurrence.wgsl`. */
export const recurrenceFields = {
  unitCount: 'u32',
  batchCount: 'u32',
  step: 'u32',
  stepCount: 'u32',
  backwards: 'u32',
  rowDirection: 'u32',
  rowTime: 'u32',
  rowBatch: 'u32',
  yDirection: 'u32',
  yTime: 'u32',
  yBatch: 'u32',
  stateDirection: 'u32',
  stateBatch: 'u32',
  hasLengths: 'u32',
  hasInitial: 'u32',
  hasBias: 'u32',
  parameterStride: 'u32',
  peepholes: 'u32',
  hasPeepholes: 'u32',
  coupled: 'u32',
  clip: 'f32',
  firstCell: 'u32',
  endCell: 'u32',
} as const;

/** The extents of a recurrent layer. */
export interface RecurrenceShape {
  readonly stepCount: number;
  readonly batchCount: number;
  /** 1 or 2. */
  readonly directionCount: number;
  readonly unitCount: number;
  /** The first direction runs from the last step to the first; the second one always does. */
  readonly backwards: boolean;
  /** Samples come before steps in the input and the output, and before directions in states; after them otherwise. */
  readonly batchFirst: boolean;
}

/** What recurrent layers have in common. */
export interface RecurrenceOptions {
  readonly shape: RecurrenceShape;
  /** The input times its weights, [directions][steps and samples][gates · units], in the order of the input. */
  readonly projected: Tensor<'float32'>;
  /** Weights of the state, [directions][gates · units][units]. */
  readonly weights: Tensor<'float32'>;
  /** Biases of the input and of the state, [directions][2 · gates · units]; and what else the layer appends to each row. */
  readonly parameters?: Tensor<'float32'>;
  /** States before the first step; zeros unless given. */
  readonly initial?: Tensor<'float32'>;
  /** Steps that each sample has, int32 [samples]; all of them unless given. */
  readonly lengths?: Tensor<'int32'>;
  /** Bound of the magnitude of what goes into a gate or a candidate; none unless given. */
  readonly clip?: number;
}

/** The shape of the outputs of all steps. */
export function outputsShape({ stepCount, batchCount, directionCount, unitCount, batchFirst }: RecurrenceShape): Shape {
  return batchFirst
    ? [batchCount, stepCount, directionCount, unitCount]
    : [stepCount, directionCount, batchCount, unitCount];
}

/** The shape of a state. */
export function stateShape({ batchCount, directionCount, unitCount, batchFirst }: RecurrenceShape): Shape {
  return batchFirst ? [batchCount, directionCount, unitCount] : [directionCount, batchCount, unitCount];
}

/** A tensor of a state before the first step: a copy of what is given, or zeros. */
export function startingState(engine: Engine, shape: RecurrenceShape, given?: Tensor<'float32'>): Tensor<'float32'> {
  const state = engine.empty(stateShape(shape), 'float32');
  if (given) engine.copy(given.allocation, state.allocation, state.layout.size);
  else engine.clear(state.allocation);
  return state;
}

/** One dispatch of a step. */
interface StepPart {
  readonly uniforms: UniformValues<typeof recurrenceFields>;
  readonly workgroups: number;
  readonly work: number;
}

/** A value for each step and each part of its cells that fits the work budget, in order. */
export function* stepParts(
  engine: Engine,
  { shape, parameters, initial, lengths, clip }: RecurrenceOptions,
  gateCount: number,
  own: { readonly hasBias: boolean; readonly hasPeepholes: boolean; readonly coupled: boolean },
): Generator<StepPart> {
  const { stepCount, batchCount, directionCount, unitCount, backwards, batchFirst } = shape;
  const flag = (value: boolean): number => (value ? 1 : 0);
  const inOrder = {
    rowTime: batchCount,
    rowBatch: 1,
    yDirection: batchCount * unitCount,
    yTime: directionCount * batchCount * unitCount,
    yBatch: unitCount,
    stateDirection: batchCount * unitCount,
    stateBatch: unitCount,
  };
  const batched = {
    rowTime: 1,
    rowBatch: stepCount,
    yDirection: unitCount,
    yTime: directionCount * unitCount,
    yBatch: stepCount * directionCount * unitCount,
    stateDirection: unitCount,
    stateBatch: directionCount * unitCount,
  };
  const cellCount = directionCount * batchCount * unitCount;
  for (let step = 0; step < stepCount; step++) {
    for (const { first, end, work } of workRuns(engine, cellCount, gateCount * (4 * unitCount + 40), 64)) {
      const uniforms = {
        unitCount,
        batchCount,
        step,
        stepCount,
        backwards: flag(backwards),
        rowDirection: stepCount * batchCount,
        ...(batchFirst ? batched : inOrder),
        hasLengths: flag(lengths !== undefined),
        hasInitial: flag(initial !== undefined),
        hasBias: flag(own.hasBias),
        parameterStride: parameters ? parameters.size / directionCount : 0,
        peepholes: own.hasBias ? 2 * gateCount * unitCount : 0,
        hasPeepholes: flag(own.hasPeepholes),
        coupled: flag(own.coupled),
        clip: clip ?? Number.POSITIVE_INFINITY,
        firstCell: first,
        endCell: end,
      };
      yield { uniforms, workgroups: Math.ceil((end - first) / 64), work };
    }
  }
}

/** What stands in the bindings of operands that are left out: weights, which are never written. */
export function operandBindings({ projected, weights, parameters, initial, lengths }: RecurrenceOptions) {
  return {
    projected,
    weights,
    parameters: parameters ?? weights,
    initial: initial ?? weights,
    lengths: lengths ?? weights,
  } satisfies Record<string, Tensor | Allocation>;
}
