import { describe, expect, test } from 'vitest';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { compareTensors } from '../../src/graph/selfCheck.ts';
import { useEngine } from '../support/engine.ts';
import { toyGraph, toyNode, toyOperators } from './toyOperators.ts';

const open = useEngine();
const x = hostTensor('float32', [3], [1, -4, 2]);

describe('a self-check', () => {
  test('compares each node with its definition, applied to what the GPU gave it', async () => {
    const nodes = [toyNode('Copy', ['x'], ['a']), toyNode('Wrong', ['a'], ['b']), toyNode('Copy', ['b'], ['c'])];
    using model = new Model(await open(), toyGraph(nodes, ['x'], ['c']), toyOperators);
    const { nodes: checks, worst } = await model.selfCheck({ x });
    expect(checks.map(({ node, outputs }) => [node, outputs[0]?.absoluteError, outputs[0]?.relativeError])).toEqual([
      ['make a', 0, 0],
      ['make b', 0.5, 0.125],
      ['make c', 0, 0],
    ]);
    expect(worst).toEqual({
      node: 'make b',
      operator: 'Wrong',
      name: 'b',
      elementType: 'float32',
      shape: [3],
      absoluteError: 0.5,
      relativeError: 0.125,
    });
  });

  test('tells what is not finite, and leaves out what the CPU computes', async () => {
    const nodes = [toyNode('Wrong', ['k'], ['a']), toyNode('Broken', ['x'], ['b'])];
    using model = new Model(await open(), toyGraph(nodes, ['x'], ['a', 'b'], { k: x }), toyOperators);
    const { nodes: checks, worst } = await model.selfCheck({ x });
    expect(checks).toHaveLength(1);
    expect(worst).toMatchObject({ name: 'b', absoluteError: Number.POSITIVE_INFINITY });
  });

  test('follows the branch that a choice takes', async () => {
    const branches = new Map([
      ['then_branch', toyGraph([toyNode('Wrong', ['a'], ['b'])], [], ['b'])],
      ['else_branch', toyGraph([toyNode('Copy', ['a'], ['b'])], [], ['b'])],
    ]);
    const nodes = [toyNode('Copy', ['x'], ['a']), toyNode('If', ['c'], ['b'], branches), toyNode('Copy', ['b'], ['d'])];
    using model = new Model(await open(), toyGraph(nodes, ['x', 'c'], ['d']), toyOperators);
    const operatorsFor = async (condition: number) => {
      const { nodes: checks } = await model.selfCheck({ x, c: hostTensor('bool', [], [condition]) });
      return checks.map(({ operator }) => operator);
    };
    expect(await operatorsFor(1)).toEqual(['Copy', 'Wrong', 'Copy']);
    expect(await operatorsFor(0)).toEqual(['Copy', 'Copy', 'Copy']);
  });

  test('takes integers of any width', async () => {
    const integers = hostTensor(
      'int8',
      [1, 17],
      Array.from({ length: 17 }, (_, index) => index - 9),
    );
    using model = new Model(await open(), toyGraph([toyNode('Copy', ['x'], ['y'])], ['x'], ['y']), toyOperators);
    expect((await model.selfCheck({ x: integers })).worst).toMatchObject({ elementType: 'int8', absoluteError: 0 });
  });
});

describe('the difference of two tensors', () => {
  const tensor = (...values: number[]) => hostTensor('float64', [values.length], values);
  const [infinite, nan] = [Number.POSITIVE_INFINITY, Number.NaN];

  test.each([
    [[1, 2], [1, 2], 0, 0],
    [[1, 2.5], [1, 2], 0.5, 0.25],
    [[infinite, nan, 0], [infinite, nan, -0], 0, 0],
    [[infinite], [1], infinite, infinite],
    [[nan, 2], [1, 2], infinite, infinite],
    [[1e-9], [0], 1e-9, infinite],
  ])('%j and %j', (found, wanted, absoluteError, relativeError) => {
    expect(compareTensors(tensor(...found), tensor(...wanted))).toEqual({ absoluteError, relativeError });
  });

  test('of another shape or type is infinite', () => {
    expect(compareTensors(tensor(1, 2), tensor(1)).absoluteError).toBe(infinite);
    expect(compareTensors(hostTensor('float32', [1], [1]), tensor(1)).absoluteError).toBe(infinite);
  });
});
