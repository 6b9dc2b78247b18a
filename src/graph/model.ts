import { InvalidInput, ShapeMismatch, UnsupportedOperator } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import type { Tensor } from '../gpu/tensor.ts';
import type { Graph, GraphValue } from './graph.ts';
import { type ElementType, type HostTensor, isInteger } from './hostTensor.ts';
import { assertIntegerOnly, type IntegerOnly, integerOnly } from './integerOnly.ts';
import type { NodeInput, OperatorTable } from './operator.ts';
import { optimize } from './optimize.ts';
import { ConstantCache, deviceType, download, feed, type NodePlan, type Observe, Plan } from './plan.ts';
import { makeReceipt, type Receipt } from './receipt.ts';
import { type SelfCheckReport, selfCheckGraph } from './selfCheck.ts';
import { unsupportedNodes } from './support.ts';

/** Inputs of a model by name, for one run: on the CPU, or on the GPU where they stay the caller's. */
export type ModelInputs = Readonly<Record<string, HostTensor | Tensor>>;

/** A result of a model. It holds GPU memory until `dispose()`, or the end of a `using` block. */
export interface ModelOutput extends Disposable {
  readonly elementType: ElementType;
  readonly shape: Shape;
  /** On the GPU, for further work there; absent where it was known without it. */
  readonly tensor: Tensor | undefined;
  /** Copies the elements to the CPU. */
  read(): Promise<HostTensor>;
  dispose(): void;
}

/** Memory of a model on the GPU, in bytes. */
export interface ModelMemory {
  /** Weights and other constants in the model, as they are on the CPU. */
  readonly constants: number;
  /** Of all plans, buffers reused. */
  readonly plans: number;
  /** What the plans would hold with a buffer for each value. */
  readonly plansWithoutReuse: number;
}

/** How a model is made ready to run. */
export interface ModelOptions {
  /** Whether nodes are fused and folded into faster ones; true unless given. False runs the graph as the file has it. */
  readonly optimize?: boolean;
  /** Whether to refuse a model that computes floats which are quantized later; false unless given. See `integerOnly`. */
  readonly integerOnly?: boolean;
  /** Told of every float32 value while a plan is recorded; none unless given. Sees all values only without `optimize`. */
  readonly observe?: Observe;
}

const maximumPlans = 8;

/**
 * A model on an engine. Its work is recorded once for each combination of input shapes and repeated from then on; the
 * recordings of the latest eight are kept.
 */
export class Model {
  readonly engine: Engine;
  /** What is run: the graph given, optimized unless that was declined. */
  readonly graph: Graph;
  /** The graph given. */
  readonly source: Graph;
  readonly operators: OperatorTable;
  readonly #observe: Observe | undefined;
  readonly #constants = new ConstantCache();
  readonly #plans = new Map<string, Plan>();

  /**
   * @throws UnsupportedOperator that lists every node that cannot be computed; InvalidQuantization that lists what computes
   * floats where `integerOnly` is asked for
   */
  constructor(engine: Engine, graph: Graph, operators: OperatorTable, options: ModelOptions = {}) {
    assertSupported(graph, operators);
    this.engine = engine;
    this.source = graph;
    this.graph = (options.optimize ?? true) ? optimize(graph, operators) : graph;
    if (options.integerOnly) assertIntegerOnly(this.graph);
    this.operators = operators;
    this.#observe = options.observe;
  }

  /**
   * Runs the model. Each input is a host tensor, or a float32 tensor on the GPU (which stays the caller's).
   * Inputs of integer type that shapes depend on are given as host tensors.
   *
   * @throws InvalidInput for a missing, unknown or wrongly typed input; ShapeMismatch for one that does not fit the
   * declared shape; and whatever its operators throw. What goes wrong on the GPU rejects when an output is read.
   */
  run(inputs: ModelInputs): Map<string, ModelOutput> {
    const types = this.#inputTypes(inputs);
    const plan = this.#planFor(types);
    for (const [name, target] of plan.inputs) {
      const given = inputs[name];
      if (!given) continue;
      if ('data' in given) feed(this.engine, target, given, name);
      else feedTensor(this.engine, target, given, name);
    }
    plan.run();
    return new Map(
      [...plan.outputs].map(([name, { elementType, shape, host, tensor }]) => [
        name,
        outputOf(this.engine, { elementType, shape }, host, tensor),
      ]),
    );
  }

  /** What each node does for these input shapes: which kernel, and why; nothing is run. */
  plan(inputs: ModelInputs): readonly NodePlan[] {
    return this.#planFor(this.#inputTypes(inputs)).nodes;
  }

  /**
   * Runs the model node by node and compares every node with its definition on the CPU, applied to what the GPU gave that
   * node: says which node goes wrong where `run` gives a wrong result. Takes much longer than a run.
   *
   * @throws as `run`
   */
  selfCheck(inputs: Readonly<Record<string, HostTensor>>): Promise<SelfCheckReport> {
    const { engine, graph, operators } = this;
    return selfCheckGraph({ engine, graph, operators }, inputs, this.#inputTypes(inputs));
  }

  /**
   * Hashes of all integers that the GPU computes for these inputs, layer by layer: where a model is integer-only, they are the
   * same on every machine. Reads everything back, so it takes longer than a run.
   *
   * @throws as `run`
   */
  receipt(inputs: Readonly<Record<string, HostTensor>>): Promise<Receipt> {
    const { engine, graph, operators } = this;
    const source = { engine, graph, operators, constants: this.#constants };
    const types = this.#inputTypes(inputs);
    return makeReceipt(source, inputs, types, this.#planFor(types).nodes);
  }

  /** Whether codes stay codes from the first QuantizeLinear to the last DequantizeLinear, and what stays float. */
  get integerOnly(): IntegerOnly {
    return integerOnly(this.graph);
  }

  get memory(): ModelMemory {
    let constants = 0;
    for (const { data } of this.graph.initializers.values()) constants += data.byteLength;
    let [plans, plansWithoutReuse] = [0, 0];
    for (const { memory } of this.#plans.values()) {
      plans += memory.bytes;
      plansWithoutReuse += memory.bytesWithoutReuse;
    }
    return { constants, plans, plansWithoutReuse };
  }

  dispose(): void {
    for (const plan of this.#plans.values()) plan.dispose();
    this.#plans.clear();
    this.#constants.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #planFor(types: ReadonlyMap<string, NodeInput>): Plan {
    const key = JSON.stringify(
      [...types].map(([name, { shape, host }]) => [name, shape, host ? Array.from(host.data) : null]),
    );
    const known = this.#plans.get(key);
    if (known) {
      // The latest used goes last.
      this.#plans.delete(key);
      this.#plans.set(key, known);
      return known;
    }
    const { engine, graph, operators } = this;
    const plan = new Plan({ engine, graph, operators, constants: this.#constants, observe: this.#observe }, types);
    const [oldest] = this.#plans.keys();
    if (this.#plans.size >= maximumPlans && oldest !== undefined) {
      this.#plans.get(oldest)?.dispose();
      this.#plans.delete(oldest);
    }
    this.#plans.set(key, plan);
    return plan;
  }

  #inputTypes(inputs: ModelInputs): Map<string, NodeInput> {
    const declared = new Map(this.graph.inputs.map((input) => [input.name, input]));
    for (const name of Object.keys(inputs)) {
      if (!declared.has(name)) {
        throw new InvalidInput(
          `The model has no input "${name}"; it has ${[...declared.keys()].map(quoted).join(', ')}.`,
        );
      }
    }
    const symbols = new Map<string, number>();
    return new Map(
      this.graph.inputs.map((input) => {
        const given = inputs[input.name];
        if (!given) {
          throw new InvalidInput(
            `The input "${input.name}" is missing; the model needs ${[...declared.keys()].map(quoted).join(', ')}.`,
          );
        }
        return [input.name, typeOfInput(input, given, symbols)];
      }),
    );
  }
}

const quoted = (name: string): string => `"${name}"`;

/** Integer inputs of at most this many elements may be sizes or axes: plans depend on their values. */
const shapeInputElements = 16;

function typeOfInput(declared: GraphValue, given: HostTensor | Tensor, symbols: Map<string, number>): NodeInput {
  const elementType = 'data' in given ? given.elementType : given.dtype;
  const wanted = declared.elementType ?? elementType;
  if (elementType !== wanted) {
    throw new InvalidInput(
      `The input "${declared.name}" is ${elementType}, but the model declares ${wanted}; convert it.`,
    );
  }
  const { shape } = given;
  const { dimensions } = declared;
  const fits =
    !dimensions ||
    (dimensions.length === shape.length &&
      dimensions.every((dimension, axis) => {
        const length = shape[axis] ?? 0;
        if (typeof dimension !== 'string') return dimension === undefined || dimension === length;
        const bound = symbols.get(dimension) ?? length;
        symbols.set(dimension, bound);
        return bound === length;
      }));
  if (!fits) {
    throw new ShapeMismatch(
      `The input "${declared.name}" has shape [${shape}], but the model declares [${dimensions?.map((dimension) => dimension ?? '?')}]; reshape or resize it.`,
    );
  }
  const fixesShapes = 'data' in given && isInteger(elementType) && elementCount(shape) <= shapeInputElements;
  return { elementType, shape, host: fixesShapes ? given : undefined };
}

function assertSupported(graph: Graph, operators: OperatorTable): void {
  const found = unsupportedNodes(graph, operators);
  if (found.length === 0) return;
  const lines = found.map(({ node: { domain, operator, name }, reason }) => {
    return `- ${domain ? `${domain}.` : ''}${operator} (node "${name}"): ${reason}`;
  });
  throw new UnsupportedOperator(
    `The model has ${found.length} node(s) that Cuanta does not compute; nothing is computed elsewhere in their place:\n${lines.join('\n')}\nExport the model without them.`,
  );
}

function feedTensor(engine: Engine, target: Tensor, given: Tensor, name: string): void {
  if (given.dtype !== target.dtype) {
    throw new InvalidInput(
      `The input "${name}" is ${given.dtype} on the GPU, but ${target.dtype} is needed; convert it.`,
    );
  }
  engine.copy(given.allocation, target.allocation, target.layout.size);
}

function outputOf(
  engine: Engine,
  type: { readonly elementType: ElementType; readonly shape: Shape },
  host: HostTensor | undefined,
  tensor: Tensor | undefined,
): ModelOutput {
  if (!tensor) {
    const value = host ?? { ...type, data: new Float32Array(0) };
    const nothing = (): void => undefined;
    return { ...type, tensor: undefined, read: async () => value, dispose: nothing, [Symbol.dispose]: nothing };
  }
  // The plan's own tensor is overwritten by the next run.
  const copy = engine.empty(type.shape, deviceType(type.elementType));
  engine.copy(tensor.allocation, copy.allocation, copy.layout.size);
  const dispose = (): void => copy.dispose();
  return { ...type, tensor: copy, read: () => download(copy, type), dispose, [Symbol.dispose]: dispose };
}
