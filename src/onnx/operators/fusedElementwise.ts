import { describeCurve } from '../../base/curve.ts';
import type { Shape } from '../../base/shape.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { curveOf } from '../../graph/curveAttributes.ts';
import { isInteger } from '../../graph/hostTensor.ts';
import type { Operator } from '../../graph/operator.ts';
import { applyCurve } from '../../nn/curve.ts';
import { evaluateBroadcast } from './elementwise.ts';
import { evaluateCurve } from './evaluateCurve.ts';

/** The shape with as many axes at least; constants may have more axes than what they were combined with. */
function atLeast(rank: number, shape: Shape): Shape {
  return [...new Array<number>(Math.max(0, rank - shape.length)).fill(1), ...shape];
}

/** A chain of elementwise operations with constants, as one function of each element. Made by passes. */
export const FusedElementwise: Operator = {
  name: 'FusedElementwise',
  domain: 'cuanta',
  infer: (context) => {
    const { elementType, shape } = context.input(0);
    if (isInteger(elementType)) context.fail(`it takes floats, but input 0 is ${elementType}`);
    return [{ elementType, shape: atLeast(context.number('rank', 0), shape) }];
  },
  evaluate: (context, inputs) => {
    const { elementType, shape } = context.input(0);
    const result = evaluateBroadcast(context, inputs.slice(0, 1), elementType, evaluateCurve(curveOf(context)));
    return [{ ...result, shape: atLeast(context.number('rank', 0), shape) }];
  },
  record: ({ engine, context, outputs, tensor }) => {
    using y = applyCurve(engine, tensor(0) as Tensor<'float32'>, curveOf(context));
    return [y.reshape(outputs[0]?.shape ?? y.shape)];
  },
  explain: (context) => `nn/curve: ${describeCurve(curveOf(context))}`,
};
