import { expect, it } from 'vitest';
import { GraphEditor } from '../../src/graph/graphEditor.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { toyGraph, toyNode, toyOperators } from './toyOperators.ts';

const one = hostTensor('float32', [1], [1]);
const names = (editor: GraphEditor): string[] => editor.nodes.map(({ name }) => name);

it('a node takes the place of several, and what is not read any more goes', () => {
  const nodes = [
    toyNode('Copy', ['x'], ['a']),
    toyNode('Copy', ['k'], ['b']),
    toyNode('Wrong', ['a', 'b'], ['c']),
    toyNode('Copy', ['c'], ['y']),
    toyNode('Copy', ['a'], ['z']),
  ];
  const editor = new GraphEditor(toyGraph(nodes, ['x'], ['y', 'z'], { k: one, unused: one }), toyOperators);
  const [, b, c, y] = editor.nodes;
  if (!b || !c || !y) throw new Error('A node is missing.');
  expect(editor.maker('c')).toBe(c);
  expect(editor.users('a')).toEqual([c, nodes[4]]);
  expect([editor.onlyUser('a'), editor.onlyUser('c'), editor.onlyUser('y')]).toEqual([undefined, y, undefined]);
  const extra = editor.addInitializer('k', one);
  const fused = editor.fuse([c, y, b], { operator: 'Copy', domain: '', inputs: ['a', extra], outputs: ['y'] });
  expect(fused).toMatchObject({ name: 'make c', replaces: ['make c', 'make y', 'make b'] });
  expect([editor.has(b), editor.has(y), extra]).toEqual([false, false, 'k#1']);
  const graph = editor.finish();
  expect(graph.nodes.map(({ name }) => name)).toEqual(['make a', 'make z', 'make c']);
  expect([...graph.initializers.keys()]).toEqual(['k#1']);
});

it('nodes come after what they read, wherever they are put in', () => {
  const nodes = [toyNode('Copy', ['x'], ['a']), toyNode('Copy', ['a'], ['b']), toyNode('Copy', ['b'], ['y'])];
  const editor = new GraphEditor(toyGraph(nodes, ['x'], ['y']), toyOperators);
  const [, b] = editor.nodes;
  if (!b) throw new Error('A node is missing.');
  const inserted = editor.insert({ operator: 'Copy', domain: '', inputs: ['a'], outputs: [editor.freshName('a')] });
  editor.update(b, { inputs: inserted.outputs });
  expect(inserted.outputs).toEqual(['a#1']);
  expect(names(editor)).toEqual(['make a', inserted.name, 'make b', 'make y']);
  // What stands for a node that others still read has a name of its own.
  const [a] = editor.nodes;
  if (!a) throw new Error('A node is missing.');
  editor.fuse([a], { operator: 'Copy', domain: '', inputs: ['x'], outputs: inserted.outputs });
  editor.insert({ operator: 'Copy', domain: '', inputs: ['a'], outputs: ['unread'] });
  expect(new Set(names(editor)).size).toBe(editor.nodes.length);
});

it('constants are folded through nodes, each once', () => {
  const nodes = [
    toyNode('Copy', ['k'], ['a']),
    toyNode('Copy', ['a'], ['b']),
    toyNode('Copy', ['x'], ['c']),
    toyNode('Copy', ['c', 'b'], ['y']),
  ];
  const editor = new GraphEditor(toyGraph(nodes, ['x'], ['y'], { k: one }), toyOperators);
  expect(editor.constant('b')?.data).toEqual(one.data);
  expect(editor.constant('b')).toBe(editor.constant('b'));
  expect([editor.constant('c'), editor.constant('y'), editor.constant('x'), editor.constant('')]).toEqual(
    new Array(4).fill(undefined),
  );
});

it('what the branches of a choice read counts as read', () => {
  const branch = toyGraph([toyNode('Copy', ['a'], ['y'])], [], ['y']);
  const branches = new Map([
    ['then_branch', branch],
    ['else_branch', branch],
  ]);
  const nodes = [toyNode('Copy', ['x'], ['a']), toyNode('If', ['condition'], ['y'], branches)];
  const graph = toyGraph(nodes, ['x', 'condition'], ['y']);
  const editor = new GraphEditor(graph, toyOperators);
  expect(editor.users('a')).toEqual([nodes[1]]);
  expect(editor.onlyUser('a')).toBeUndefined();
  expect(editor.redirect('a', 'x')).toBe(false);
  expect(editor.finish()).toEqual(graph);
});

it('readers are led to another value unless the graph gives it out', () => {
  const nodes = [
    toyNode('Copy', ['x'], ['a']),
    toyNode('Copy', ['a', 'a'], ['b']),
    toyNode('Copy', ['b'], ['y']),
    toyNode('Copy', ['y'], ['z']),
  ];
  const editor = new GraphEditor(toyGraph(nodes, ['x'], ['y', 'z']), toyOperators);
  expect(editor.redirect('a', 'x')).toBe(true);
  expect(editor.redirect('y', 'b')).toBe(false);
  expect(editor.maker('b')?.inputs).toEqual(['x', 'x']);
  expect(names(editor)).not.toContain('make a');
});
