import { InvalidInput } from '../base/errors.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { windowsOf, workRuns } from '../gpu/windows.ts';

/** A function that only bounds a value to [lower, upper]. */
export interface Clip {
  readonly lower: number;
  readonly upper: number;
}

const smooth = ['sigmoid', 'tanh', 'gelu', 'silu'] as const;

/**
 * What is done to each element of a product: nothing; bounds (`relu` is [0, ∞], `relu6` is [0, 6]); or a smooth function
 * (`gelu` is x·Φ(x) by the error function, `silu` is x·sigmoid(x)).
 */
export type Activation = 'none' | 'relu' | 'relu6' | Clip | (typeof smooth)[number];

const activationKernel = declareKernel({
  name: 'gemm/activation',
  uniforms: { start: 'u32', end: 'u32' },
  bindings: { y: 'write' },
});

const workPerElement = 40;

/** An activation as the bounds that a product applies and what comes after it. */
export interface ActivationPlan extends Clip {
  readonly smooth: (typeof smooth)[number] | undefined;
}

/** @throws InvalidInput for an activation that there is not, or bounds that are not in order. */
export function planActivation(activation: Activation): ActivationPlan {
  const open = { lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY, smooth: undefined };
  if (typeof activation === 'object') {
    if (!(activation.lower <= activation.upper)) {
      throw new InvalidInput(
        `matmul: the activation's bounds ${activation.lower} and ${activation.upper} are not in order; give lower <= upper.`,
      );
    }
    return { ...open, lower: activation.lower, upper: activation.upper };
  }
  if (activation === 'none') return open;
  if (activation === 'relu') return { ...open, lower: 0 };
  if (activation === 'relu6') return { ...open, lower: 0, upper: 6 };
  const found = smooth.find((name) => name === activation);
  if (!found) {
    throw new InvalidInput(
      `matmul: there is no activation "${String(activation)}"; use none, relu, relu6, { lower, upper }, ${smooth.join(', ')}.`,
    );
  }
  return { ...open, smooth: found };
}

/** Records a smooth activation of a tensor, in place: only for a tensor that nobody has seen yet. */
export function activate(engine: Engine, y: Tensor<'float32'>, activation: (typeof smooth)[number]): void {
  const conditions = Object.fromEntries(smooth.map((name) => [name, name === activation]));
  for (const window of windowsOf(engine, y.allocation, y.size)) {
    for (const { first, end, work } of workRuns(engine, window.length, workPerElement, 64)) {
      engine.run(activationKernel, {
        uniforms: { start: first, end },
        bindings: { y: window.view },
        workgroups: Math.ceil((end - first) / 64),
        work,
        variant: { conditions },
      });
    }
  }
}
