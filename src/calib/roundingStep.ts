import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { workRuns } from '../gpu/windows.ts';

const kernel = declareKernel({
  name: 'calib/roundingStep',
  uniforms: {
    start: 'u32',
    end: 'u32',
    count: 'u32',
    regularization: 'f32',
    exponent: 'f32',
    rate: 'f32',
    secondFactor: 'f32',
    firstDecay: 'f32',
    secondDecay: 'f32',
  },
  bindings: { offset: 'read', step: 'read', product: 'read', state: 'write', difference: 'write' },
});

/** Weights between two codes each, on the GPU; all tensors but `state` have the same shape. */
export interface SoftRounding {
  /** The lower of the two values less the weight. */
  readonly offset: Tensor<'float32'>;
  /** From the lower to the upper value; 0 where there is only one. */
  readonly step: Tensor<'float32'>;
  /** [3, …]: logits, then zeros for the means of Adam. */
  readonly state: Tensor<'float32'>;
  /** The error of each weight as it stands between its two values. */
  readonly difference: Tensor<'float32'>;
}

/** One step of many. */
export interface RoundingStep {
  /** Steps before this one. */
  readonly before: number;
  readonly learningRate: number;
  /** Weight of the regularizer in the loss. */
  readonly regularization: number;
  /** Its exponent β. */
  readonly exponent: number;
}

const workPerWeight = 80;
const [firstDecay, secondDecay] = [0.9, 0.999];
/** How far the sigmoid is stretched beyond 0 and 1 on either side. */
const stretch = 0.1;

/** The logit at which a weight stands at a share, from 0 to 1, of the way between its two values. */
export function logitOf(share: number): number {
  const sigmoid = (share + stretch) / (1 + 2 * stretch);
  return Math.log(sigmoid / (1 - sigmoid));
}

/**
 * Moves the logits of rectified sigmoids (Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization", 2020) by one
 * step of Adam, and computes the errors of the weights anew.
 *
 * @param product errors times the second moments of the layer's inputs
 */
export function roundingStep(
  engine: Engine,
  { offset, step, state, difference }: SoftRounding,
  product: Tensor<'float32'>,
  { before, learningRate, regularization, exponent }: RoundingStep,
): void {
  const count = offset.size;
  for (const { first, end, work } of workRuns(engine, count, workPerWeight, 64)) {
    engine.run(kernel, {
      uniforms: {
        start: first,
        end,
        count,
        regularization,
        exponent,
        rate: learningRate / (1 - firstDecay ** (before + 1)),
        secondFactor: 1 / (1 - secondDecay ** (before + 1)),
        firstDecay,
        secondDecay,
      },
      bindings: { offset, step, product, state, difference },
      workgroups: Math.ceil((end - first) / 64),
      work,
    });
  }
}
