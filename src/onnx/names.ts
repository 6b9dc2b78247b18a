/** Names of values and nodes while a model is read. */
import { MalformedModel } from '../base/errors.ts';
import { type Graph, subgraphsOf } from '../graph/graph.ts';

/** Names that are taken in the whole model. */
export class NameTable {
  readonly #taken = new Set<string>();
  /** How often each name was asked for: with thousands of the same, counting anew each time would not end. */
  readonly #counts = new Map<string, number>();

  /** A name that nothing else has: the one asked for, or that with a number behind it. */
  unique(name: string): string {
    let candidate = name;
    let count = this.#counts.get(name) ?? 0;
    while (this.#taken.has(candidate)) candidate = `${name}_${++count}`;
    this.#counts.set(name, count);
    this.#taken.add(candidate);
    return candidate;
  }
}

/** The names of the values of one graph, and through it those of the graphs around it. */
export class NameScope {
  readonly #names = new Map<string, string>();
  readonly #table: NameTable;
  readonly #title: string;
  readonly #outer: NameScope | undefined;

  constructor(table: NameTable, title: string, outer: NameScope | undefined) {
    this.#table = table;
    this.#title = title;
    this.#outer = outer;
  }

  /**
   * Makes a name known in this graph.
   *
   * @param as the name that it has in the model; otherwise one that nothing else has
   * @returns that name
   * @throws MalformedModel when the graph has it already
   */
  declare(name: string, as?: string): string {
    if (name === '') throw new MalformedModel(`A value of the ${this.#title} has no name; export the model again.`);
    if (this.#names.has(name)) {
      throw new MalformedModel(
        `The ${this.#title} makes the value ${quoted(name)} twice; names are unique. Export the model again.`,
      );
    }
    const own = as ?? this.#table.unique(name);
    this.#names.set(name, own);
    return own;
  }

  /** The name in the model of one that this graph sees. @throws MalformedModel when it sees none such */
  resolve(name: string, what: string): string {
    for (let scope: NameScope | undefined = this; scope; scope = scope.#outer) {
      const found = scope.#names.get(name);
      if (found !== undefined) return found;
    }
    throw new MalformedModel(
      `Nothing makes the value ${quoted(name)}, which is ${what}; the model is incomplete: export it again.`,
    );
  }
}

/** A name in an error. */
export const quoted = (name: string): string => JSON.stringify(name.slice(0, 200));

/** Names of all values that a graph and the graphs within it define; those that branches share with their node once. */
export function namesOf(graph: Graph): Set<string> {
  return new Set([
    ...graph.inputs.map(({ name }) => name),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap((node) => [...node.outputs, ...subgraphsOf(node).flatMap((inner) => [...namesOf(inner)])]),
  ]);
}
