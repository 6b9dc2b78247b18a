import { type Curve, identityCurve } from '../base/curve.ts';
import type { Attribute } from './graph.ts';
import type { NodeContext } from './operator.ts';

const kinds: readonly Curve['kind'][] = ['bounds', 'logistic', 'tangent', 'normal'];

/** A curve as attributes of the nodes that passes make. */
export function curveAttributes({ kind, gated, ...numbers }: Curve): Map<string, Attribute> {
  return new Map<string, Attribute>([['curve', kind], ['gated', gated ? 1 : 0], ...Object.entries(numbers)]);
}

/** The curve of a node; the one that changes nothing where it has none. */
export function curveOf(context: NodeContext): Curve {
  const name = context.text('curve', identityCurve.kind);
  const kind = kinds.find((known) => known === name) ?? context.fail(`there is no curve "${name}"`);
  return {
    kind,
    slope: context.number('slope', identityCurve.slope),
    offset: context.number('offset', identityCurve.offset),
    lower: context.number('lower', identityCurve.lower),
    upper: context.number('upper', identityCurve.upper),
    gated: context.number('gated', 0) === 1,
    scale: context.number('scale', identityCurve.scale),
    shift: context.number('shift', identityCurve.shift),
  };
}
