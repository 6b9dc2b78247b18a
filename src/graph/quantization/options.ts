import { InvalidInput } from '../../base/errors.ts';
import type { GraphNode } from '../graph.ts';

/** How a model is quantized. */
export interface QuantizeModelOptions {
  readonly weights?: {
    /** One scale for each output channel, or one for a whole weight; `channel` unless given. */
    readonly granularity?: 'channel' | 'tensor';
  };
  readonly activations?: {
    /** int8 codes instead of uint8; false unless given. Either way the range from least to greatest takes all 256. */
    readonly signed?: boolean;
  };
  /** Nodes that stay in float: names, in which `*` stands for any text, or regular expressions; none unless given. */
  readonly exclude?: readonly (string | RegExp)[];
}

/**
 * Says which nodes are excluded.
 * @throws InvalidInput for a pattern that fits no node
 */
export function exclusion(
  nodes: readonly GraphNode[],
  patterns: readonly (string | RegExp)[],
): (node: GraphNode) => boolean {
  const excluded = new Set<string>();
  for (const pattern of patterns) {
    const expression = typeof pattern === 'string' ? new RegExp(`^${escapeText(pattern)}$`) : pattern;
    const names = nodes.flatMap(({ name, replaces = [] }) =>
      [name, ...replaces].filter((each) => each.search(expression) >= 0),
    );
    if (names.length === 0) {
      const shown = nodes.slice(0, 3).map(({ name }) => JSON.stringify(name));
      throw new InvalidInput(
        `No node is named like ${JSON.stringify(String(pattern))}; there are ${shown.join(', ')} … (cuanta inspect lists all).`,
      );
    }
    for (const name of names) excluded.add(name);
  }
  return ({ name, replaces = [] }) => [name, ...replaces].some((each) => excluded.has(each));
}

const escapeText = (pattern: string): string =>
  pattern
    .split('*')
    .map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('.*');
