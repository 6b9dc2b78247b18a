import { LimitExceeded, MalformedModel, UnsupportedOperator } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import type { Recording } from '../gpu/recording.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { toChannelsFirst, toChannelsLast } from '../nn/channelsLast.ts';
import { narrow, widen } from '../quant/convert.ts';
import { chosenBranch, type Graph, type GraphNode, isChoice, usedNames } from './graph.ts';
import { type ElementType, type HostTensor, hostArray } from './hostTensor.ts';
import {
  NodeContext,
  type NodeInput,
  type Operator,
  type OperatorTable,
  type RecordContext,
  type ValueType,
} from './operator.ts';

/** What one node of a plan does. */
export interface NodePlan {
  readonly node: string;
  readonly operator: string;
  /** Where it is computed: on the GPU at each run, or on the CPU once, when its inputs are known. */
  readonly place: 'gpu' | 'cpu';
  /** Which kernel, and why. */
  readonly explanation: string;
  /** Names of the model's nodes that it stands for, where they were fused; its own name otherwise. */
  readonly replaces: readonly string[];
  /** Why it is computed with floats although quantized values surround it; there for such nodes only. */
  readonly notFused?: string;
  readonly outputs: readonly { readonly name: string; readonly elementType: ElementType; readonly shape: Shape }[];
}

/** A value as the plan knows it: on the CPU, on the GPU, or both. */
interface PlanValue extends ValueType {
  readonly host: HostTensor | undefined;
  /** See `NodeInput`. */
  readonly constant: boolean;
  /** Its GPU forms, at least one where it is computed there: as its shape says, and with its channels last. */
  tensor: Tensor | undefined;
  channelsLast: Tensor<'int8' | 'uint8'> | undefined;
}

type Placed = Pick<PlanValue, 'host' | 'constant' | 'tensor' | 'channelsLast'>;

/** Things made once from constants and shared by all plans of a model. */
export class ConstantCache {
  readonly #made = new Map<string, { dispose(): void }>();

  get<T extends { dispose(): void }>(key: string, make: () => T): T {
    const known = this.#made.get(key) as T | undefined;
    if (known) return known;
    const made = make();
    this.#made.set(key, made);
    return made;
  }

  dispose(): void {
    for (const made of this.#made.values()) made.dispose();
    this.#made.clear();
  }
}

/** What a plan is built from. */
export interface PlanSource {
  readonly engine: Engine;
  readonly graph: Graph;
  readonly operators: OperatorTable;
  readonly constants: ConstantCache;
  /** Told of every float32 value that the GPU computes, and of such inputs, while it is recorded: may record more work. */
  readonly observe?: Observe | undefined;
}

/** Records something about a value of a graph. */
export type Observe = (name: string, tensor: Tensor<'float32'>) => void;

/** The GPU representation of an element type. @throws UnsupportedOperator for types that the GPU does not hold. */
export function deviceType(elementType: ElementType): 'float32' | 'int32' | 'int8' | 'uint8' {
  if (elementType === 'float32' || elementType === 'float16') return 'float32';
  if (elementType === 'int8' || elementType === 'uint8') return elementType;
  if (elementType === 'float64') {
    throw new UnsupportedOperator(
      'float64 is computed on the CPU only, before a model runs; convert the model to float32.',
    );
  }
  return 'int32';
}

/** A host tensor on the GPU. @throws LimitExceeded where a 64-bit or unsigned integer does not fit int32. */
function upload(engine: Engine, value: HostTensor, name: string): Tensor {
  const type = deviceType(value.elementType);
  if (type === 'float32') return engine.tensor(value.data as Float32Array, value.shape);
  if (type === 'int8') return engine.tensor(value.data as Int8Array, value.shape);
  if (type === 'uint8') return engine.tensor(value.data as Uint8Array, value.shape);
  return engine.tensor(toInt32(value, name), value.shape);
}

/** Records the copy of a host tensor into a tensor of the form that `upload` makes. */
export function feed(engine: Engine, target: Tensor, value: HostTensor, name: string): void {
  using staged = upload(engine, value, name);
  engine.copy(staged.allocation, target.allocation, target.layout.size);
}

/** The elements of a GPU tensor as a host tensor of this element type. */
export async function download(tensor: Tensor, type: ValueType): Promise<HostTensor> {
  const values = await tensor.read();
  const data = hostArray(type.elementType, values.length);
  data.set(values);
  return { elementType: type.elementType, shape: type.shape, data };
}

function unsupportedAtRun(node: GraphNode): UnsupportedOperator {
  return new UnsupportedOperator(
    `${node.operator} node "${node.name}" depends on what the GPU computes, but is computed on the CPU only, before the model runs. Fix its inputs in the model, or export it without this node.`,
  );
}

/** Constants are computed on the CPU, where a small model could ask for any amount of memory: 1 GiB of 64-bit numbers. */
const largestConstantElements = 2 ** 27;

/**
 * A graph bound to the shapes of its inputs: what can be known beforehand is computed on the CPU, everything else is
 * recorded once on the GPU and repeated at each run. A buffer is reused as soon as the last node that needs it is recorded.
 */
export class Plan {
  readonly nodes: readonly NodePlan[];
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly outputs: ReadonlyMap<
    string,
    ValueType & { readonly host: HostTensor | undefined; readonly tensor: Tensor | undefined }
  >;
  readonly #recording: Recording;

  /** @param inputTypes type of each input of the graph; `host` fixes one that shapes depend on. */
  constructor(source: PlanSource, inputTypes: ReadonlyMap<string, NodeInput>) {
    const { value: builder, recording } = source.engine.capture(() => {
      const planning = new PlanBuilder(source, inputTypes);
      planning.build();
      return planning;
    });
    this.#recording = recording;
    this.nodes = builder.nodes;
    this.inputs = builder.inputs;
    this.outputs = builder.outputs;
  }

  /** Bytes that the plan holds on the GPU beside the weights, and what it would hold without reuse. */
  get memory(): { readonly bytes: number; readonly bytesWithoutReuse: number } {
    return this.#recording.memory;
  }

  /** Records one run, from what the input tensors hold to the output tensors. */
  run(): void {
    this.#recording.replay();
  }

  dispose(): void {
    for (const tensor of this.inputs.values()) tensor.dispose();
    for (const { tensor } of this.outputs.values()) tensor?.dispose();
    this.#recording.dispose();
  }
}

class PlanBuilder {
  readonly nodes: NodePlan[] = [];
  readonly inputs = new Map<string, Tensor>();
  readonly outputs = new Map<string, PlanValue>();
  readonly #source: PlanSource;
  readonly #values = new Map<string, PlanValue>();
  readonly #usesLeft = new Map<string, number>();
  #constantElements = 0;

  constructor(source: PlanSource, inputTypes: ReadonlyMap<string, NodeInput>) {
    this.#source = source;
    const { engine, graph } = source;
    for (const [name, host] of graph.initializers) {
      this.#values.set(name, { ...host, host, constant: true, tensor: undefined, channelsLast: undefined });
    }
    for (const [name, { elementType, shape, host }] of inputTypes) {
      const tensor = host ? undefined : engine.empty(shape, deviceType(elementType));
      if (tensor) this.inputs.set(name, tensor);
      this.#values.set(name, { elementType, shape, host, constant: false, tensor, channelsLast: undefined });
    }
    for (const node of graph.nodes) for (const name of usedNames(node)) this.#use(name);
    // Inputs and outputs outlive the run.
    for (const { name } of [...graph.outputs, ...graph.inputs]) this.#use(name);
  }

  build(): void {
    const { graph } = this.#source;
    for (const name of this.inputs.keys()) this.#observe(name, this.#value(name));
    for (const node of graph.nodes) this.#add(node);
    for (const { name } of graph.outputs) {
      const value = this.#value(name);
      // An input that is an output as well, or one tensor under two names, is disposed once for each.
      const tensor = this.#tensorOf(value)?.reshape(value.shape);
      this.outputs.set(name, { ...value, tensor });
    }
    // The outputs hold their own references from here on; inputs are held by their name.
    for (const [name, value] of this.#values) {
      value.channelsLast?.dispose();
      if (!this.inputs.has(name)) value.tensor?.dispose();
    }
  }

  /** A value on the GPU as its shape says. */
  #tensorOf(value: PlanValue): Tensor | undefined {
    if (!value.tensor && value.channelsLast) value.tensor = toChannelsFirst(this.#source.engine, value.channelsLast);
    return value.tensor;
  }

  #use(name: string): void {
    this.#usesLeft.set(name, (this.#usesLeft.get(name) ?? 0) + 1);
  }

  #value(name: string): PlanValue {
    const value = this.#values.get(name);
    if (!value) throw new MalformedModel(`Nothing makes the value "${name}"; export the model again.`);
    return value;
  }

  #add(node: GraphNode): void {
    if (isChoice(node)) this.#choose(node);
    else this.#addOperation(node);
    this.#release(node);
  }

  /** Adds the nodes of the branch taken in place of the choice; they make its outputs under their names. */
  #choose(node: GraphNode): void {
    const { host } = this.#value(node.inputs[0] ?? '');
    if (!host) throw unsupportedAtRun(node);
    const { nodes } = chosenBranch(node, host.data[0] !== 0);
    for (const inner of nodes) for (const name of usedNames(inner)) this.#use(name);
    for (const inner of nodes) this.#add(inner);
  }

  #addOperation(node: GraphNode): void {
    const { graph, operators } = this.#source;
    const operator = operators.find(node);
    if (!operator) throw unsupportedAtRun(node);
    const inputs = node.inputs.map((name) => (name === '' ? undefined : this.#value(name)));
    const context = new NodeContext(node, graph.opsets.get(node.domain) ?? 1, inputs);
    const known = inputs.every((input) => input === undefined || input.host !== undefined);
    if (known || operator.shapeOnly) this.#fold(node, operator, context, inputs);
    else this.#record(node, operator, context);
  }

  #fold(node: GraphNode, operator: Operator, context: NodeContext, inputs: readonly (PlanValue | undefined)[]): void {
    this.#afford(operator.infer(context), node);
    const results = operator.evaluate(
      context,
      inputs.map((input) => input?.host),
    );
    const constant = !operator.shapeOnly && inputs.every((input) => !input || input.constant);
    const outputs = this.#define(node, results, (index) => ({
      host: results[index],
      constant,
      tensor: undefined,
      channelsLast: undefined,
    }));
    this.nodes.push({
      ...titleOf(node),
      place: 'cpu',
      explanation: operator.shapeOnly ? 'depends on shapes alone' : 'its inputs are constant',
      outputs,
    });
  }

  #afford(types: readonly ValueType[], node: GraphNode): void {
    for (const { shape } of types) this.#constantElements += elementCount(shape);
    if (this.#constantElements <= largestConstantElements) return;
    const shapes = types.map(({ shape }) => `[${shape}]`).join(', ');
    throw new LimitExceeded(
      `With ${node.operator} node "${node.name}", which makes ${shapes}, more than ${largestConstantElements} elements are constants to be computed before the model runs. Make them smaller.`,
    );
  }

  #record(node: GraphNode, operator: Operator, context: NodeContext): void {
    if (!operator.record) throw unsupportedAtRun(node);
    const types = operator.infer(context);
    const scratch: Tensor[] = [];
    const results = operator.record(this.#recordContext(node, context, types, scratch));
    for (const tensor of scratch) if (!results.includes(tensor)) tensor.dispose();
    const outputs = this.#define(node, types, (index) => {
      const result = results[index];
      const last = result && 'channelsLast' in result ? result.channelsLast : undefined;
      const tensor = result && !('channelsLast' in result) ? result : undefined;
      return { host: undefined, constant: false, tensor, channelsLast: last };
    });
    this.nodes.push({
      ...titleOf(node),
      ...(node.notFused !== undefined && { notFused: node.notFused }),
      place: 'gpu',
      explanation: operator.explain?.(context, this.#source.engine) ?? node.operator,
      outputs,
    });
  }

  /** Whether all that read a value read it with its channels last. */
  #readChannelsLast(name: string): boolean {
    const { graph, operators } = this.#source;
    const readers = graph.nodes.filter((node) => usedNames(node).includes(name));
    const isLast = (node: GraphNode): boolean =>
      node.inputs.lastIndexOf(name) === 0 && operators.find(node)?.readsChannelsLast === true;
    return readers.length > 0 && readers.every(isLast) && !graph.outputs.some((output) => output.name === name);
  }

  #recordContext(
    node: GraphNode,
    context: NodeContext,
    outputs: readonly ValueType[],
    scratch: Tensor[],
  ): RecordContext {
    const { engine, constants } = this.#source;
    const optionalTensor = (index: number): Tensor | undefined => {
      const name = node.inputs[index];
      if (!name) return undefined;
      const value = this.#value(name);
      if (!value.tensor && value.host) {
        const { host } = value;
        // Folded values may differ between the plans of different shapes: only the model's own constants are shared.
        if (this.#source.graph.initializers.has(name)) {
          return constants.get(`value ${name}`, () => engine.uncaptured(() => upload(engine, host, name)));
        }
        value.tensor = upload(engine, host, name);
      }
      return this.#tensorOf(value);
    };
    const tensor = (index: number): Tensor => optionalTensor(index) ?? context.fail(`input ${index} is missing`);
    const valueAt = (index: number): PlanValue | undefined => this.#values.get(node.inputs[index] ?? '');
    return {
      engine,
      context,
      outputs,
      tensor,
      optionalTensor,
      heldChannelsLast: (index) => valueAt(index)?.channelsLast !== undefined,
      readChannelsLast: (index) => this.#readChannelsLast(node.outputs[index] ?? ''),
      channelsLast: (index) => {
        const held = valueAt(index)?.channelsLast;
        if (held) return held;
        const made = toChannelsLast(engine, tensor(index) as Tensor<'int8' | 'uint8'>);
        const value = valueAt(index);
        if (value) value.channelsLast = made;
        return made;
      },
      widened: (index) => {
        const found = tensor(index);
        if (found.dtype === 'float32' || found.dtype === 'int32') return found as Tensor<'float32' | 'int32'>;
        const wide = widen(engine, found as Tensor<'int8' | 'uint8'>);
        scratch.push(wide);
        return wide;
      },
      narrowed: (result, index = 0) => {
        const type = deviceType(outputs[index]?.elementType ?? 'float32');
        if (type === 'float32' || type === 'int32') return result;
        const small = narrow(engine, result as Tensor<'int32'>, type);
        result.dispose();
        return small;
      },
      constant: (key, make) => constants.get(`node ${node.name} ${key}`, () => engine.uncaptured(make)),
    };
  }

  #define(node: GraphNode, types: readonly ValueType[], placed: (index: number) => Placed): NodePlan['outputs'] {
    const defined: { name: string; elementType: ElementType; shape: Shape }[] = [];
    node.outputs.forEach((name, index) => {
      const type = types[index];
      if (name === '' || !type) return;
      const { elementType, shape } = type;
      const value = { elementType, shape, ...placed(index) };
      this.#values.set(name, value);
      this.#observe(name, value);
      defined.push({ name, elementType, shape });
      if (!this.#usesLeft.get(name)) forget(value);
    });
    return defined;
  }

  #observe(name: string, { elementType, tensor }: PlanValue): void {
    if (elementType === 'float32' && tensor) this.#source.observe?.(name, tensor as Tensor<'float32'>);
  }

  /** Gives back the buffers that no later node needs. */
  #release(node: GraphNode): void {
    for (const name of usedNames(node)) {
      const left = (this.#usesLeft.get(name) ?? 0) - 1;
      this.#usesLeft.set(name, left);
      const value = this.#values.get(name);
      if (left === 0 && value && !this.#source.graph.initializers.has(name)) forget(value);
    }
  }
}

const titleOf = ({ name, operator, replaces }: GraphNode): Pick<NodePlan, 'node' | 'operator' | 'replaces'> => ({
  node: name,
  operator,
  replaces: replaces ?? [name],
});

/** Gives back the GPU memory of a value. */
function forget(value: PlanValue): void {
  value.tensor?.dispose();
  value.channelsLast?.dispose();
  value.tensor = undefined;
  value.channelsLast = undefined;
}

function toInt32(value: HostTensor, name: string): Int32Array {
  const integers = new Int32Array(elementCount(value.shape));
  value.data.forEach((element, index) => {
    // uint32 keeps its bits; int64 must fit.
    const fits = value.elementType === 'uint32' || Math.trunc(element) === (element | 0);
    if (!fits) {
      throw new LimitExceeded(
        `Element ${index} of "${name}" is ${element}, but the GPU holds integers of 32 bits, from ${-(2 ** 31)} to ${2 ** 31 - 1}; make it smaller.`,
      );
    }
    integers[index] = element;
  });
  return integers;
}
