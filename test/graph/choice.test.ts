import { expect, test } from 'vitest';
import { UnsupportedOperator } from '../../src/base/errors.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { useEngine } from '../support/engine.ts';
import { toyGraph, toyNode, toyOperators } from './toyOperators.ts';

const open = useEngine();

/** `y` is a copy of x or of z, both of which are computed before; and the chosen branch may be a choice again. */
function choosing(elseOperator = 'Copy') {
  const copy = (name: string) => toyGraph([toyNode('Copy', [name], ['y'])], [], ['y']);
  const inner = new Map([
    ['then_branch', copy('a')],
    ['else_branch', copy('b')],
  ]);
  const outer = new Map([
    ['then_branch', toyGraph([toyNode('If', ['d'], ['y'], inner)], [], ['y'])],
    ['else_branch', toyGraph([toyNode('Copy', ['a'], ['i']), toyNode(elseOperator, ['i'], ['y'])], [], ['y'])],
  ]);
  const nodes = [
    toyNode('Copy', ['x'], ['a']),
    toyNode('Copy', ['z'], ['b']),
    toyNode('If', ['c'], ['y'], outer),
    toyNode('Copy', ['y'], ['w']),
  ];
  return toyGraph(nodes, ['x', 'z', 'c', 'd'], ['w']);
}

const x = hostTensor('float32', [2], [1, 2]);
const z = hostTensor('float32', [3], [3, 4, 5]);
const flag = (on: boolean) => hostTensor('bool', [], [on ? 1 : 0]);

test.each([
  [true, true, [1, 2]],
  [true, false, [3, 4, 5]],
  [false, true, [1, 2]],
])('If %s, then If %s', async (c, d, expected) => {
  using model = new Model(await open(), choosing(), toyOperators);
  const outputs = model.run({ x, z, c: flag(c), d: flag(d) });
  const output = outputs.get('w');
  expect([...((await output?.read())?.data ?? [])]).toEqual(expected);
  output?.dispose();
});

test('an operator that is missing in any branch is told when the model is made', async () => {
  const engine = await open();
  expect(() => new Model(engine, choosing('Missing'), toyOperators)).toThrow(
    /1 node\(s\)[\s\S]*Missing \(node "make y"\)/,
  );
});

test('a condition that the GPU computes is refused', async () => {
  using model = new Model(await open(), choosing(), toyOperators);
  const c = hostTensor('float32', [1], [1]);
  expect(() => model.run({ x, z, c, d: flag(true) })).toThrow(UnsupportedOperator);
});
