import { curveAttributes } from '../curveAttributes.ts';
import type { GraphNode } from '../graph.ts';
import type { GraphEditor } from '../graphEditor.ts';
import { type Step, start, stepOf } from './chain.ts';
import { isConvolution } from './foldAffine.ts';

/** Nodes of a chain at most. */
const longestChain = 32;

/**
 * Makes one function of chains of elementwise nodes that depend on one value and constants of one element, such as
 * x · Clip(x + 3, 0, 6) / 6 (see `Curve`): it becomes part of the convolution that makes the value (`FusedConv`), or
 * a node of its own (`FusedElementwise`).
 */
export function fuseActivations(editor: GraphEditor): void {
  for (const node of editor.nodes) {
    if (editor.has(node) && isConvolution(node)) fuseIntoConvolution(editor, node);
  }
  for (const node of editor.nodes) {
    for (const name of node.inputs) if (editor.has(node)) fuseAlone(editor, name);
  }
}

function fuseIntoConvolution(editor: GraphEditor, node: GraphNode): void {
  const [root = ''] = node.outputs;
  const chain = chainFrom(editor, root, true);
  const rank = editor.constant(node.inputs[1])?.shape.length ?? 0;
  if (!chain || chain.step.rank > Math.max(rank, leastRank)) return;
  editor.fuse([node, ...chain.nodes], {
    operator: `Fused${node.operator}`,
    domain: 'cuanta',
    inputs: node.inputs,
    outputs: [chain.output],
    attributes: new Map([...node.attributes, ...curveAttributes(chain.step.curve)]),
  });
}

/** Axes that the result of any convolution has. */
const leastRank = 3;

function fuseAlone(editor: GraphEditor, root: string): void {
  const chain = chainFrom(editor, root, false);
  const [first, second, ...rest] = chain?.nodes ?? [];
  if (!chain?.step.float || !first || !second) return;
  editor.fuse([first, second, ...rest], {
    operator: 'FusedElementwise',
    domain: 'cuanta',
    inputs: [root],
    outputs: [chain.output],
    attributes: new Map([...curveAttributes(chain.step.curve), ['rank', chain.step.rank]]),
  });
}

interface Chain {
  /** In the order in which they were found, the last one makes the output. */
  readonly nodes: readonly GraphNode[];
  readonly step: Step;
  readonly output: string;
}

/**
 * The longest chain from a value whose inner values nobody else reads; `whole` where the value itself is an inner one.
 */
function chainFrom(editor: GraphEditor, root: string, whole: boolean): Chain | undefined {
  const steps = new Map([[root, start]]);
  const nodes: GraphNode[] = [];
  let longest: Chain | undefined;
  const waiting = [...editor.users(root)];
  for (let node = waiting.shift(); node && nodes.length < longestChain; node = waiting.shift()) {
    const [output, ...others] = node.outputs;
    if (output === undefined || others.length > 0 || steps.has(output)) continue;
    const step = stepOf(editor, node, steps);
    if (!step) continue;
    steps.set(output, step);
    nodes.push(node);
    waiting.push(...editor.users(output));
    const chain = chainTo(editor, nodes, { root, whole, output, step });
    if (chain && chain.nodes.length > (longest?.nodes.length ?? 0)) longest = chain;
  }
  return longest;
}

interface End {
  readonly root: string;
  readonly whole: boolean;
  readonly output: string;
  readonly step: Step;
}

/** The nodes that one of them needs, if nobody else reads what they make. */
function chainTo(
  editor: GraphEditor,
  nodes: readonly GraphNode[],
  { root, whole, output, step }: End,
): Chain | undefined {
  const needed = new Set([output]);
  const chain: GraphNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    chain.unshift(node);
    for (const name of node.inputs) needed.add(name);
  }
  const isInner = (name: string): boolean =>
    !editor.isOutput(name) && editor.users(name).every((user) => chain.includes(user));
  const inner = chain.flatMap(({ outputs }) => outputs).filter((name) => name !== output);
  if (whole) inner.push(root);
  return inner.every(isInner) ? { nodes: chain, step, output } : undefined;
}
