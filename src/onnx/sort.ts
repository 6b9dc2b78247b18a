import { MalformedModel } from '../base/errors.ts';
import { type GraphNode, usedNames } from '../graph/graph.ts';

/**
 * Nodes in an order in which each comes after whatever it reads; the given one as far as it is one. In linear time.
 * @throws MalformedModel when nodes wait for one another
 */
export function sortNodes(nodes: readonly GraphNode[]): GraphNode[] {
  const makers = new Map<string, GraphNode>();
  for (const node of nodes) for (const name of node.outputs) if (name !== '') makers.set(name, node);
  const needed = (node: GraphNode): Iterator<string> => usedNames(node)[Symbol.iterator]();

  const sorted: GraphNode[] = [];
  const states = new Map<GraphNode, 'waiting' | 'done'>();
  // Not recursive: a chain may be as long as the model.
  const waiting: { readonly node: GraphNode; readonly names: Iterator<string> }[] = [];
  const enter = (node: GraphNode): void => {
    states.set(node, 'waiting');
    waiting.push({ node, names: needed(node) });
  };
  for (const start of nodes) {
    if (!states.has(start)) enter(start);
    for (let top = waiting.at(-1); top; top = waiting.at(-1)) {
      const { done, value } = top.names.next();
      if (done) {
        states.set(top.node, 'done');
        sorted.push(top.node);
        waiting.pop();
        continue;
      }
      const maker = makers.get(value);
      if (!maker || states.get(maker) === 'done') continue;
      if (states.get(maker) === 'waiting') {
        const cycle = waiting.slice(waiting.findIndex(({ node }) => node === maker)).map(({ node }) => node.name);
        const shown = [...cycle.slice(0, 5), ...(cycle.length > 5 ? ['…'] : []), maker.name];
        throw new MalformedModel(
          `${cycle.length} node(s) wait for one another: ${shown.join(' ← ')}. A graph has no cycles; export the model again.`,
        );
      }
      enter(maker);
    }
  }
  return sorted;
}
