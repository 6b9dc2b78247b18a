import { MalformedModel, UnsupportedOperator } from '../base/errors.ts';
import { resolveAxis, type Shape } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import type { Tensor } from '../gpu/tensor.ts';
import type { Attribute, Graph, GraphNode } from './graph.ts';
import type { ElementType, HostTensor } from './hostTensor.ts';

/** Type of a value of a graph once the shapes of its inputs are known. */
export interface ValueType {
  readonly elementType: ElementType;
  readonly shape: Shape;
}

/** An input of a node; `host` is there where the value is known without the GPU. */
export interface NodeInput extends ValueType {
  readonly host: HostTensor | undefined;
  /** True where `host` is the same whatever the model is given, so that what is made of it can be kept. */
  readonly constant?: boolean;
}

/** A node with what is known about its inputs: what operators infer and compute from. */
export class NodeContext {
  readonly node: GraphNode;
  /** Version of the operator set that the node's domain follows. */
  readonly opset: number;
  readonly #inputs: readonly (NodeInput | undefined)[];

  constructor(node: GraphNode, opset: number, inputs: readonly (NodeInput | undefined)[]) {
    this.node = node;
    this.opset = opset;
    this.#inputs = inputs;
  }

  get inputCount(): number {
    return this.#inputs.length;
  }

  /** @throws MalformedModel when the input is left out. */
  input(index: number): NodeInput {
    const input = this.#inputs[index];
    if (!input) this.fail(`input ${index} is missing`);
    return input;
  }

  optionalInput(index: number): NodeInput | undefined {
    return this.#inputs[index];
  }

  /** The numbers of an input that shapes depend on: a list of axes, sizes, indices. @throws UnsupportedOperator */
  integers(index: number): number[] {
    return Array.from(this.known(index).data);
  }

  /** An input that the work to be recorded depends on. @throws UnsupportedOperator when it is computed on the GPU */
  known(index: number): HostTensor {
    const { host } = this.input(index);
    if (host) return host;
    throw new UnsupportedOperator(
      `${this.#title()}: input ${index} must be known before the model runs, but is computed on the GPU or a float input of the model. Make it a constant of the model.`,
    );
  }

  optionalIntegers(index: number): number[] | undefined {
    return this.#inputs[index] ? this.integers(index) : undefined;
  }

  /** An axis counted from the front, given from either end. @throws MalformedModel */
  axis(axis: number, shape: Shape): number {
    try {
      return resolveAxis(axis, shape, this.#title());
    } catch (error) {
      throw new MalformedModel(error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  number(name: string): number | undefined;
  number(name: string, fallback: number): number;
  number(name: string, fallback?: number): number | undefined {
    const value = this.node.attributes.get(name);
    if (value === undefined) return fallback;
    if (typeof value !== 'number') this.#wrongType(name, 'a number', value);
    return value;
  }

  numbers(name: string): readonly number[] | undefined;
  numbers(name: string, fallback: readonly number[]): readonly number[];
  numbers(name: string, fallback?: readonly number[]): readonly number[] | undefined {
    const value = this.node.attributes.get(name);
    if (value === undefined) return fallback;
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'number')) {
      this.#wrongType(name, 'a list of numbers', value);
    }
    return value as readonly number[];
  }

  text(name: string, fallback: string): string {
    const value = this.node.attributes.get(name) ?? fallback;
    if (typeof value !== 'string') this.#wrongType(name, 'a text', value);
    return value;
  }

  texts(name: string, fallback: readonly string[]): readonly string[] {
    const value = this.node.attributes.get(name) ?? fallback;
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) {
      this.#wrongType(name, 'a list of texts', value);
    }
    return value as readonly string[];
  }

  tensor(name: string): HostTensor | undefined {
    const value = this.node.attributes.get(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'object' || !('data' in value)) this.#wrongType(name, 'a tensor', value);
    return value;
  }

  graph(name: string): Graph {
    const value = this.node.attributes.get(name);
    if (typeof value !== 'object' || !('nodes' in value)) this.#wrongType(name, 'a graph', value);
    return value;
  }

  /** @throws MalformedModel naming the node. */
  fail(reason: string): never {
    throw new MalformedModel(`${this.#title()}: ${reason}. The model contradicts itself; export it again.`);
  }

  #wrongType(name: string, wanted: string, value: Attribute | undefined): never {
    const found = value === undefined ? 'missing' : Array.isArray(value) ? 'a list' : `a ${typeof value}`;
    this.fail(`attribute "${name}" must be ${wanted}, but is ${found}`);
  }

  #title(): string {
    return `${this.node.operator} node "${this.node.name}"`;
  }
}

/** Whether an operator can compute a node, as far as its attributes and opset tell. */
export interface StaticNode {
  readonly node: GraphNode;
  readonly opset: number;
}

/** What an operator needs to record its work on the GPU. */
export interface RecordContext {
  readonly engine: Engine;
  /** The node, its attributes and the types of its inputs. */
  readonly context: NodeContext;
  /** What `infer` said of the outputs. */
  readonly outputs: readonly ValueType[];
  /**
   * An input on the GPU, as its element type is held there: float types as float32; int8 and uint8 as such, rows padded;
   * every other integer and bool as int32. Owned by the plan: do not dispose it. @throws MalformedModel when left out.
   */
  tensor(index: number): Tensor;
  optionalTensor(index: number): Tensor | undefined;
  /**
   * An 8-bit input of at least three axes as [batch, …spatial, channels], converted where it is not held so already. Owned
   * by the plan. @throws MalformedModel when left out.
   */
  channelsLast(index: number): Tensor<'int8' | 'uint8'>;
  /** True where an input is held with its channels last: an operator that works on either order keeps that. */
  heldChannelsLast(index: number): boolean;
  /** True where all that read output `index` read it with its channels last: it may as well be made so. */
  readChannelsLast(index: number): boolean;
  /** The same with 8-bit integers widened to int32. Owned by the plan. */
  widened(index: number): Tensor<'float32' | 'int32'>;
  /** An int32 result as the element type of output `index` is held: narrowed to 8 bits where it is one. Takes it over. */
  narrowed(result: Tensor<'float32' | 'int32'>, index?: number): Tensor;
  /**
   * Something made from constant inputs alone (`NodeInput.constant`), such as a packed weight: made once for the model,
   * outside of the recording, and shared by the plans of all input shapes. `key` tells it from others of the node.
   */
  constant<T extends { dispose(): void }>(key: string, make: () => T): T;
}

/** A result on the GPU that is held as [batch, …spatial, channels] until something needs it otherwise. */
export interface ChannelsLast {
  readonly channelsLast: Tensor<'int8' | 'uint8'>;
}

/** An operator: what it does to types, to values on the CPU, and on the GPU. */
export interface Operator {
  /** Name and domain as in the model; '' is ONNX's own domain. */
  readonly name: string;
  readonly domain: string;
  /** Says why this node cannot be computed; undefined when it can. */
  readonly unsupported?: (node: StaticNode) => string | undefined;
  /** Types of the outputs. @throws MalformedModel */
  infer(context: NodeContext): readonly ValueType[];
  /**
   * The outputs computed on the CPU, in float64 where it is about floats and rounded to the type at the end: the definition
   * that the GPU is checked against, and what constants are folded with. `inputs` holds undefined for one left out.
   */
  evaluate(context: NodeContext, inputs: readonly (HostTensor | undefined)[]): readonly HostTensor[];
  /** True where the outputs depend on the shapes of the inputs alone, so that they are always computed on the CPU. */
  readonly shapeOnly?: boolean;
  /**
   * Records the work on the GPU and returns one tensor an output, in the form that `RecordContext.tensor` describes, with
   * the shape that `infer` said, or an 8-bit one with its channels last. A tensor of the plan may be returned reshaped, not
   * as it is. Without it the operator is computed on the CPU only, before the model runs.
   */
  readonly record?: (record: RecordContext) => readonly (Tensor | ChannelsLast)[];
  /** True where the first input, of 8 bits, is read with its channels last, however it is held. */
  readonly readsChannelsLast?: boolean;
  /** In a sentence: which kernel `record` takes and why. Shown by `model.plan()`. */
  readonly explain?: (context: NodeContext, engine: Engine) => string;
}

/** Finds operators by domain and name. */
export class OperatorTable {
  readonly #operators = new Map<string, Operator>();

  constructor(operators: readonly Operator[]) {
    for (const operator of operators) this.#operators.set(`${operator.domain}/${operator.name}`, operator);
  }

  find(node: GraphNode): Operator | undefined {
    return this.#operators.get(`${node.domain}/${node.operator}`);
  }

  /** A table that lacks some operators, each named as domain/name. */
  without(...keys: readonly string[]): OperatorTable {
    return new OperatorTable(
      [...this.#operators].filter(([key]) => !keys.includes(key)).map(([, operator]) => operator),
    );
  }

  /** Names of all operators, with their domain before a slash where it is not ONNX's own. */
  get names(): string[] {
    return [...this.#operators.keys()].map((key) => key.replace(/^\//, '')).sort();
  }
}
