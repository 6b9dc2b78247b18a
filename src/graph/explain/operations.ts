/** How much a model computes and moves, counted from its plan, and what that would cost in energy. */
import { elementCount } from '../../base/shape.ts';
import type { Graph, GraphNode } from '../graph.ts';
import { storedBytes } from '../hostTensor.ts';
import type { Model, ModelInputs } from '../model.ts';
import type { ValueType } from '../operator.ts';
import type { NodePlan } from '../plan.ts';

/**
 * Energy of operations in picojoules at 45 nm and 0.9 V, from M. Horowitz, "Computing's energy problem (and what we can do about
 * it)", ISSCC 2014: multiplication 0.2 of 8-bit integers, 3.7 of float32; addition 0.1 of 32-bit integers, 0.9 of float32;
 * 64 bits from DRAM 1,300 to 2,600, the lower of which is taken.
 */
export const picojoules = {
  integerMultiplyAdd: 0.2 + 0.1,
  floatMultiplyAdd: 3.7 + 0.9,
  byteMoved: 1300 / 8,
} as const;

/** What one run takes. */
export interface OperationReport {
  /** Multiplications with an addition each, in convolutions and matrix products, of 8-bit integers. */
  readonly integerMultiplyAdds: number;
  /** The same of floats. */
  readonly floatMultiplyAdds: number;
  /** Bytes of everything that kernels read and write, each operand once: less than is moved where it is read repeatedly. */
  readonly bytesMoved: number;
  /** An estimate in joules, from `picojoules` times these counts: for comparing the two models, not for any one device. */
  readonly estimatedJoules: number;
}

/** Operators of the quantized model by what they compute with. */
export interface OperatorShares {
  /** Nodes of the plan that read and write no floats. */
  readonly integer: number;
  /** Nodes that do, conversions between the two not counted. */
  readonly float: number;
  /** QuantizeLinear and DequantizeLinear, and others that read the one and write the other. */
  readonly conversions: number;
  /** float / (float + integer), from 0 to 1. */
  readonly floatShare: number;
  /** Those in float, with the reason where one is known. */
  readonly inFloat: readonly { readonly node: string; readonly operator: string; readonly reason: string | null }[];
}

/** A model's plan for inputs of certain shapes. */
export interface PlannedModel {
  readonly graph: Graph;
  /** Nodes that the GPU computes at each run. */
  readonly nodes: readonly NodePlan[];
  /** What is known of each value by name. */
  readonly types: ReadonlyMap<string, ValueType>;
}

export function plannedModel(model: Model, inputs: ModelInputs): PlannedModel {
  const { graph } = model;
  const nodes = model.plan(inputs);
  const types = new Map<string, ValueType>(graph.initializers);
  for (const { outputs } of nodes) for (const output of outputs) types.set(output.name, output);
  for (const [name, value] of Object.entries(inputs)) {
    types.set(name, { elementType: 'data' in value ? value.elementType : value.dtype, shape: value.shape });
  }
  return { graph, nodes: nodes.filter(({ place }) => place === 'gpu'), types };
}

/**
 * Multiplications of a convolution or matrix product; 0 for other operators.
 * @param types of the values that the node reads and makes
 */
export function multiplyAdds(node: GraphNode, types: ReadonlyMap<string, ValueType>): number {
  const [x, w, y] = [node.inputs[0], node.inputs[1], node.outputs[0]].map((name) => types.get(name ?? '')?.shape);
  if (node.domain !== '' || !x || !w || !y) return 0;
  const perChannel = elementCount(w) / Math.max(w[0] ?? 1, 1);
  if (node.operator === 'Conv') return elementCount(y) * perChannel;
  if (node.operator === 'ConvTranspose') return elementCount(x) * perChannel;
  if (node.operator === 'MatMul') return elementCount(y) * (x.at(-1) ?? 0);
  if (node.operator !== 'Gemm') return 0;
  return elementCount(y) * ((node.attributes.get('transA') === 1 ? x[0] : x[1]) ?? 0);
}

/** By the names of nodes of the model as it was given: the node that computes it. */
export function plannedNodes({ nodes }: PlannedModel): ReadonlyMap<string, NodePlan> {
  return new Map(nodes.flatMap((planned) => planned.replaces.map((name) => [name, planned] as const)));
}

/**
 * Counts the work of a run.
 * @param given the model as it was given, nothing fused: products of floats or of dequantized values
 * @param optimized the same model as it runs
 */
export function countOperations(given: PlannedModel, optimized: PlannedModel): OperationReport {
  const makers = plannedNodes(optimized);
  const nodes = new Map(optimized.graph.nodes.map((node) => [node.name, node]));
  let [integerMultiplyAdds, floatMultiplyAdds, bytesMoved] = [0, 0, 0];
  for (const node of given.graph.nodes) {
    const count = multiplyAdds(node, given.types);
    const planned = nodes.get(makers.get(node.name)?.node ?? '');
    const type = optimized.types.get(planned?.inputs[0] ?? '')?.elementType;
    if (type === 'int8' || type === 'uint8') integerMultiplyAdds += count;
    else floatMultiplyAdds += count;
  }
  for (const { node, outputs } of optimized.nodes) {
    const read = new Set(nodes.get(node)?.inputs);
    bytesMoved += storedBytes([...read].flatMap((name) => optimized.types.get(name) ?? [])) + storedBytes(outputs);
  }
  const estimatedPicojoules =
    integerMultiplyAdds * picojoules.integerMultiplyAdd +
    floatMultiplyAdds * picojoules.floatMultiplyAdd +
    bytesMoved * picojoules.byteMoved;
  return { integerMultiplyAdds, floatMultiplyAdds, bytesMoved, estimatedJoules: estimatedPicojoules * 1e-12 };
}

/** Says how much of a quantized model is computed with floats. */
export function operatorShares({ graph, nodes, types }: PlannedModel): OperatorShares {
  const given = new Map(graph.nodes.map((node) => [node.name, node]));
  const isFloat = ({ elementType }: ValueType) => elementType === 'float32' || elementType === 'float16';
  // What is known before the run, such as a bias dequantized once, costs no work in float.
  const changing = new Set([...graph.inputs, ...nodes.flatMap(({ outputs }) => outputs)].map(({ name }) => name));
  let [integer, conversions] = [0, 0];
  const inFloat: OperatorShares['inFloat'][number][] = [];
  for (const { node, operator, outputs, notFused } of nodes) {
    const names = (given.get(node)?.inputs ?? []).filter((name) => changing.has(name));
    const read = names.flatMap((name) => types.get(name) ?? []);
    const [reads, writes] = [read.some(isFloat), outputs.some(isFloat)];
    if (!reads && !writes) integer++;
    else if (read.length > 0 && reads !== writes) conversions++;
    else inFloat.push({ node, operator, reason: notFused ?? null });
  }
  const float = inFloat.length;
  return { integer, float, conversions, floatShare: float / Math.max(float + integer, 1), inFloat };
}
