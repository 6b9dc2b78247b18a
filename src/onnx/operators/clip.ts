import { bitsOf, type ElementType, integerRange, isInteger } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator } from '../../graph/operator.ts';
import { binary, unary } from '../../nn/elementwise.ts';
import { evaluateBroadcast, formatOf, ownInput } from './elementwise.ts';

/** Clip's bounds where they are known before the model runs; undefined where there is none. */
interface Bounds {
  readonly lower: number | undefined;
  readonly upper: number | undefined;
}

function boundsOf(context: NodeContext): Bounds | undefined {
  if (context.opset < 11) return { lower: context.number('min'), upper: context.number('max') };
  const [lower, upper] = [context.optionalInput(1), context.optionalInput(2)];
  if ((lower && !lower.host) || (upper && !upper.host)) return undefined;
  return { lower: lower?.host?.data[0], upper: upper?.host?.data[0] };
}

/** Numbers of an integer type that int32 elements hold, as bits where they are unsigned. */
function integerBounds(elementType: ElementType, { lower, upper }: Bounds): { low: number; high: number } {
  const [least, greatest] = integerRange(elementType) ?? [0, 0];
  const wide = bitsOf(elementType) > 32;
  const [first, last] = wide ? [Math.max(least, -(2 ** 31)), 2 ** 31 - 1] : [least, greatest];
  const within = (value: number): number => Math.min(Math.max(value, first), last);
  return { low: within(lower ?? first), high: within(upper ?? last) };
}

export const Clip: Operator = {
  name: 'Clip',
  domain: '',
  infer: (context) => {
    const { elementType, shape } = context.input(0);
    for (let index = 1; context.opset >= 11 && index < Math.min(context.inputCount, 3); index++) {
      const bound = context.optionalInput(index);
      if (bound && bound.elementType !== elementType) {
        context.fail(`input ${index} is ${bound.elementType}, but what it bounds is ${elementType}`);
      }
      if (bound?.shape.some((length) => length !== 1)) {
        context.fail(`input ${index} has shape [${bound.shape}], but a bound is a single number`);
      }
    }
    return [{ elementType, shape }];
  },
  evaluate: (context, inputs) => {
    const known = boundsOf(context);
    const lower = known?.lower ?? Number.NEGATIVE_INFINITY;
    const upper = known?.upper ?? Number.POSITIVE_INFINITY;
    const { elementType } = context.input(0);
    const clip = (x: number): number => Math.min(Math.max(x, lower), upper);
    return [evaluateBroadcast(context, inputs.slice(0, 1), elementType, clip)];
  },
  record: (record) => {
    const { engine, context } = record;
    const { elementType } = context.input(0);
    const format = formatOf(elementType, false);
    const bounds = boundsOf(context);
    if (bounds) {
      const { lower = Number.NEGATIVE_INFINITY, upper = Number.POSITIVE_INFINITY } = bounds;
      const parameters = isInteger(elementType) ? integerBounds(elementType, bounds) : { alpha: lower, beta: upper };
      return [record.narrowed(unary(engine, 'clip', record.widened(0), parameters, format))];
    }
    let result = ownInput(record, 0);
    for (const [index, operation] of [
      [1, 'max'],
      [2, 'min'],
    ] as const) {
      if (!context.optionalInput(index)) continue;
      using bound = record.widened(index).reshape([]);
      const next = binary(engine, operation, result, bound, format);
      result.dispose();
      result = next;
    }
    return [record.narrowed(result)];
  },
  explain: (context) =>
    boundsOf(context) ? 'nn/elementwise clip: vectors of 4' : 'nn/elementwise max and min: bounds from the GPU',
};
