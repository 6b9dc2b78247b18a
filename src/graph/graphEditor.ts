import { elementCount } from '../base/shape.ts';
import { type Graph, type GraphNode, type GraphValue, isChoice, subgraphsOf, usedNames } from './graph.ts';
import type { HostTensor } from './hostTensor.ts';
import { NodeContext, type NodeInput, type Operator, type OperatorTable } from './operator.ts';

/** A node that is to take the place of others. */
export type NewNode = Pick<GraphNode, 'operator' | 'domain' | 'inputs' | 'outputs'> & Partial<GraphNode>;

/** Constants that passes ask for may take this many elements in all: what is larger is left to the plan. */
const largestFoldedElements = 2 ** 26;

/**
 * A graph that is being changed: who makes and who reads each value, and constants. A node that nothing reads any more goes
 * by itself, and so do those before it. The branches of an If stay as they are; what they read from outside counts as read.
 */
export class GraphEditor {
  readonly operators: OperatorTable;
  readonly #graph: Graph;
  readonly #nodes = new Set<GraphNode>();
  readonly #makers = new Map<string, GraphNode>();
  readonly #users = new Map<string, Set<GraphNode>>();
  readonly #inputs: ReadonlyMap<string, GraphValue>;
  readonly #outputs: ReadonlySet<string>;
  readonly #initializers: Map<string, HostTensor>;
  readonly #folded = new Map<string, HostTensor | undefined>();
  readonly #names = new Set<string>();
  #foldedElements = 0;
  #sorted = true;

  constructor(graph: Graph, operators: OperatorTable) {
    this.#graph = graph;
    this.operators = operators;
    this.#inputs = new Map(graph.inputs.map((input) => [input.name, input]));
    this.#outputs = new Set(graph.outputs.map(({ name }) => name));
    this.#initializers = new Map(graph.initializers);
    for (const { name } of graph.inputs) this.#names.add(name);
    for (const name of graph.initializers.keys()) this.#names.add(name);
    for (const node of graph.nodes) {
      this.#add(node);
      for (const name of namesWithin(node)) this.#names.add(name);
    }
    for (const node of [...graph.nodes].reverse()) this.#removeIfUnread(node);
  }

  /** All nodes, each after whatever it reads. A copy: the graph may be changed while it is gone through. */
  get nodes(): readonly GraphNode[] {
    if (!this.#sorted) this.#sort();
    return [...this.#nodes];
  }

  /** False for a node that was replaced. */
  has(node: GraphNode): boolean {
    return this.#nodes.has(node);
  }

  /** The node that makes a value; undefined for inputs of the graph, constants and inputs that are left out (''). */
  maker(name: string | undefined): GraphNode | undefined {
    return this.#makers.get(name ?? '');
  }

  /** The nodes that read a value, those whose branches read it among them. */
  users(name: string): readonly GraphNode[] {
    return [...(this.#users.get(name) ?? [])];
  }

  /** An input of the graph as it is declared. */
  input(name: string | undefined): GraphValue | undefined {
    return this.#inputs.get(name ?? '');
  }

  isOutput(name: string): boolean {
    return this.#outputs.has(name);
  }

  /** The one node that reads a value, as an input of its own; undefined where there are several or the graph gives it out. */
  onlyUser(name: string | undefined): GraphNode | undefined {
    const [user, ...others] = this.users(name ?? '');
    return user && others.length === 0 && !this.isOutput(name ?? '') && !isChoice(user) ? user : undefined;
  }

  /** Version of a domain's operator set. */
  opset(domain = ''): number {
    return this.#graph.opsets.get(domain) ?? 1;
  }

  /** A constant of the graph itself. */
  initializer(name: string | undefined): HostTensor | undefined {
    return this.#initializers.get(name ?? '');
  }

  /** A value that is the same in every run: an initializer, or what nodes compute from initializers alone. */
  constant(name: string | undefined): HostTensor | undefined {
    if (!name) return undefined;
    const initializer = this.#initializers.get(name);
    if (initializer) return initializer;
    this.#foldTo(name);
    return this.#folded.get(name);
  }

  /** Why a node cannot be computed here; undefined where it can. */
  unsupported(node: NewNode): string | undefined {
    const whole = { name: '', attributes: new Map(), ...node };
    const operator = this.operators.find(whole);
    if (!operator) return `there is no ${node.operator} here`;
    return operator.unsupported?.({ node: whole, opset: this.opset(node.domain) });
  }

  /** What a node's definition gives for inputs; undefined where there is no such operator. @throws MalformedModel */
  evaluate(node: GraphNode, inputs: readonly (HostTensor | undefined)[]): readonly HostTensor[] | undefined {
    const operator = this.operators.find(node);
    return operator?.evaluate(this.#context(node, inputs), inputs);
  }

  /** A name that no value and no node has, made from another. */
  freshName(base: string): string {
    let name = base;
    for (let count = 1; this.#names.has(name); count++) name = `${base}#${count}`;
    this.#names.add(name);
    return name;
  }

  /** Adds a constant and gives its name. */
  addInitializer(base: string, tensor: HostTensor): string {
    const name = this.freshName(base);
    this.#initializers.set(name, tensor);
    return name;
  }

  /** Adds a node that makes new values, for nodes that are put in later. Gives the node. */
  insert(made: NewNode): GraphNode {
    const node = { name: this.freshName(`${made.outputs[0]}`), attributes: new Map(), ...made };
    this.#add(node);
    this.#sorted = false;
    return node;
  }

  /**
   * Puts a node in place of those that make its outputs. It stands for all of `nodes` and bears the name of the first unless
   * it has its own; those that are read by others stay.
   */
  fuse(nodes: readonly [GraphNode, ...GraphNode[]], made: NewNode): GraphNode {
    const replaces = [...new Set(nodes.flatMap((node) => node.replaces ?? [node.name]))];
    const node = { name: nodes[0].name, attributes: new Map(), replaces, ...made };
    this.#replace(node);
    // Names tell the constants of nodes apart.
    return this.has(nodes[0]) ? this.update(node, { name: this.freshName(node.name) }) : node;
  }

  /** Puts a changed node, with the same outputs, in place of a node. Gives the changed one. */
  update(node: GraphNode, changes: Partial<Omit<GraphNode, 'outputs'>>): GraphNode {
    const changed = { ...node, ...changes };
    this.#replace(changed);
    return changed;
  }

  /** Lets all readers of one value read another. False, and nothing is changed, where the graph or a branch reads it. */
  redirect(from: string, to: string): boolean {
    const users = this.users(from);
    if (this.isOutput(from) || users.some((user) => !user.inputs.includes(from) || subgraphsOf(user).length > 0)) {
      return false;
    }
    for (const user of users) this.update(user, { inputs: user.inputs.map((name) => (name === from ? to : name)) });
    return true;
  }

  /** The graph as it is now, without constants that nothing reads. */
  finish(): Graph {
    const { nodes } = this;
    const initializers = new Map(
      [...this.#initializers].filter(([name]) => this.#users.get(name)?.size || this.isOutput(name)),
    );
    return { ...this.#graph, nodes, initializers };
  }

  #add(node: GraphNode): void {
    this.#nodes.add(node);
    this.#names.add(node.name);
    for (const name of node.outputs) if (name !== '') this.#makers.set(name, node);
    for (const name of usedNames(node)) {
      const users = this.#users.get(name) ?? new Set();
      this.#users.set(name, users.add(node));
    }
  }

  #replace(node: GraphNode): void {
    const replaced = new Set(node.outputs.flatMap((name) => this.#makers.get(name) ?? []));
    // Added first: what both read would go otherwise.
    this.#add(node);
    for (const old of replaced) this.#remove(old);
    this.#sorted = false;
  }

  #remove(node: GraphNode): void {
    this.#nodes.delete(node);
    for (const name of node.outputs) if (this.#makers.get(name) === node) this.#makers.delete(name);
    const names = usedNames(node);
    for (const name of names) this.#users.get(name)?.delete(node);
    for (const name of names) {
      const maker = this.#makers.get(name);
      if (maker) this.#removeIfUnread(maker);
    }
  }

  #removeIfUnread(node: GraphNode): void {
    const read = node.outputs.some((name) => this.#users.get(name)?.size || this.isOutput(name));
    if (!read && this.#nodes.has(node)) this.#remove(node);
  }

  /** Puts nodes after what they read, and otherwise in the order in which they were added. */
  #sort(): void {
    const [entered, done] = [new Set<GraphNode>(), new Set<GraphNode>()];
    const stack: GraphNode[] = [];
    for (const start of this.#nodes) {
      stack.push(start);
      for (let node = stack.at(-1); node; node = stack.at(-1)) {
        const missing = entered.has(node) ? [] : this.#makersOf(node).filter((maker) => !done.has(maker));
        entered.add(node);
        if (missing.length > 0) stack.push(...missing);
        else done.add(stack.pop() ?? node);
      }
    }
    this.#nodes.clear();
    for (const node of done) this.#nodes.add(node);
    this.#sorted = true;
  }

  #makersOf(node: GraphNode): GraphNode[] {
    return usedNames(node).flatMap((name) => this.#makers.get(name) ?? []);
  }

  /** Computes a value, and what it is made from first, if all of that is constant. */
  #foldTo(name: string): void {
    const stack = [name];
    for (let wanted = stack.at(-1); wanted !== undefined; wanted = stack.at(-1)) {
      const node = this.#makers.get(wanted);
      if (this.#folded.has(wanted)) stack.pop();
      else if (!node || isChoice(node)) this.#folded.set(wanted, undefined);
      else {
        const inputs = node.inputs.filter((input) => input !== '');
        const [unknown] = inputs.filter((input) => !this.#initializers.has(input) && !this.#folded.has(input));
        if (unknown !== undefined) stack.push(unknown);
        else this.#fold(node, inputs);
      }
    }
  }

  #fold(node: GraphNode, inputs: readonly string[]): void {
    const known = (name: string) => this.#initializers.get(name) ?? this.#folded.get(name);
    const operator = this.operators.find(node);
    const foldable = operator && !operator.shapeOnly && inputs.every(known);
    const results = foldable ? this.#results(node, operator, node.inputs.map(known)) : [];
    node.outputs.forEach((name, index) => {
      this.#folded.set(name, results[index]);
    });
  }

  #results(node: GraphNode, operator: Operator, inputs: readonly (HostTensor | undefined)[]): readonly HostTensor[] {
    const context = this.#context(node, inputs);
    for (const { shape } of operator.infer(context)) this.#foldedElements += elementCount(shape);
    return this.#foldedElements <= largestFoldedElements ? operator.evaluate(context, inputs) : [];
  }

  #context(node: GraphNode, inputs: readonly (HostTensor | undefined)[]): NodeContext {
    const given = inputs.map((host): NodeInput | undefined => host && { ...host, host, constant: true });
    return new NodeContext(node, this.opset(node.domain), given);
  }
}

/** Names of all values and nodes that a node's branches define, and its own outputs. */
function namesWithin(node: GraphNode): string[] {
  const inner = subgraphsOf(node).flatMap(({ nodes }) => nodes);
  return [...node.outputs, ...inner.flatMap((within) => [within.name, ...namesWithin(within)])];
}
