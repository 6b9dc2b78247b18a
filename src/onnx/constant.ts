/** The value of a Constant node. */
import { MalformedModel, UnsupportedOperator } from '../base/errors.ts';
import type { Attribute } from '../graph/graph.ts';
import { type HostTensor, hostTensor } from '../graph/hostTensor.ts';

/** @throws MalformedModel unless the node has one value, UnsupportedOperator when that is a text or sparse */
export function constantValue(attributes: ReadonlyMap<string, Attribute>, title: string): HostTensor {
  const [[name, value] = [], ...more] = [...attributes];
  if (name === undefined || value === undefined || more.length > 0) {
    throw new MalformedModel(`${title} has ${attributes.size} values, not 1; export the model again.`);
  }
  const numbers = Array.isArray(value) ? value.filter((item) => typeof item === 'number') : undefined;
  if (name === 'value' && typeof value === 'object' && 'data' in value) return value;
  if (name === 'value_float' && typeof value === 'number') return hostTensor('float32', [], [value]);
  if (name === 'value_int' && typeof value === 'number') return hostTensor('int64', [], [value]);
  if (name === 'value_floats' && numbers) return hostTensor('float32', [numbers.length], numbers);
  if (name === 'value_ints' && numbers) return hostTensor('int64', [numbers.length], numbers);
  if (['value_string', 'value_strings', 'sparse_value'].includes(name)) {
    throw new UnsupportedOperator(
      `${title} is a ${name}; Cuanta computes with dense numbers. Export the model without it.`,
    );
  }
  throw new MalformedModel(`${title} has a wrong attribute ${JSON.stringify(name)}; export the model again.`);
}
