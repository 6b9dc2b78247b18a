import { chosenBranch, type Graph, type GraphNode, isChoice } from './graph.ts';
import type { OperatorTable } from './operator.ts';

/** A node that is not computed, and why. */
export interface UnsupportedNode {
  readonly node: GraphNode;
  readonly reason: string;
}

/** The nodes of a graph that are not computed, those in both branches of each choice among them. */
export function unsupportedNodes(graph: Graph, operators: OperatorTable): UnsupportedNode[] {
  return graph.nodes.flatMap((node) => {
    if (isChoice(node)) {
      return [true, false].flatMap((condition) => unsupportedNodes(chosenBranch(node, condition), operators));
    }
    const operator = operators.find(node);
    if (!operator) return [{ node, reason: 'there is no such operator here' }];
    const reason = operator.unsupported?.({ node, opset: graph.opsets.get(node.domain) ?? 1 });
    return reason === undefined ? [] : [{ node, reason }];
  });
}
