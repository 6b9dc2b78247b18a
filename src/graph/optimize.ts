import type { Graph } from './graph.ts';
import { GraphEditor } from './graphEditor.ts';
import type { OperatorTable } from './operator.ts';
import { dropIdentities } from './passes/dropIdentities.ts';
import { explainFloats } from './passes/explainFloats.ts';
import { foldAffine } from './passes/foldAffine.ts';
import { fuseActivations } from './passes/fuseActivations.ts';
import { fuseLayerNormalization } from './passes/fuseLayerNormalization.ts';
import { fuseLookups } from './passes/fuseLookups.ts';
import { fuseQuantized } from './passes/fuseQuantized.ts';

/** A change of a graph that keeps what it computes. It makes only nodes that are in `editor.operators`. */
export type Pass = (editor: GraphEditor) => void;

/** In the order in which they run. */
const passes: readonly Pass[] = [
  dropIdentities,
  fuseLayerNormalization,
  fuseQuantized,
  fuseLookups,
  foldAffine,
  fuseActivations,
  explainFloats,
];

/**
 * The graph with fewer or faster nodes: each that stands for others names them in `replaces`. Inputs and outputs stay.
 *
 * @throws MalformedModel for constants that cannot be computed
 */
export function optimize(graph: Graph, operators: OperatorTable): Graph {
  const editor = new GraphEditor(graph, operators);
  for (const pass of passes) pass(editor);
  return editor.finish();
}
