import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { expect } from 'vitest';
import {
  InvalidInput,
  LimitExceeded,
  MalformedModel,
  ShapeMismatch,
  UnsupportedOperator,
} from '../../src/base/errors.ts';
import { elementCount, type Shape } from '../../src/base/shape.ts';
import type { Engine } from '../../src/gpu/engine.ts';
import { type Graph, usedNames } from '../../src/graph/graph.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { unsupportedNodes } from '../../src/graph/support.ts';
import { importOnnx } from '../../src/onnx/import.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { createRandom } from '../reference/random.ts';

/** A whole number from 0 to below a bound. */
type Draw = (bound: number) => number;

const mutations: Readonly<Record<string, (bytes: Uint8Array, draw: Draw) => Uint8Array>> = {
  bits(bytes, draw) {
    const changed = bytes.slice();
    for (let count = 1 + draw(16); count > 0; count--) {
      const offset = draw(bytes.length);
      changed[offset] = (changed[offset] ?? 0) ^ (1 << draw(8));
    }
    return changed;
  },
  structure(bytes, draw) {
    const changed = bytes.slice();
    for (let count = 1 + draw(8); count > 0; count--) {
      const offset = textOffset(bytes, draw(bytes.length)) - 10 + draw(30);
      changed[offset] = draw(2) === 0 ? draw(256) : (changed[offset] ?? 0) ^ (1 << draw(8));
    }
    return changed;
  },
  truncation: (bytes, draw) => bytes.slice(0, draw(bytes.length)),
  removal(bytes, draw) {
    const start = draw(bytes.length);
    const end = Math.min(bytes.length, start + 1 + draw(200));
    const shorter = new Uint8Array(bytes.length - (end - start));
    shorter.set(bytes.subarray(0, start));
    shorter.set(bytes.subarray(end), start);
    return shorter;
  },
  splice(bytes, draw) {
    const changed = bytes.slice();
    const [from, to] = [draw(bytes.length), draw(bytes.length)];
    changed.copyWithin(to, from, Math.min(bytes.length, from + 1 + draw(5000)));
    return changed;
  },
  extremes(bytes, draw) {
    const changed = bytes.slice();
    changed.fill([0, 127, 128, 255][draw(4)] ?? 0, draw(bytes.length), draw(bytes.length));
    return changed;
  },
  fields(bytes, draw) {
    const model = fromBinary(ModelProtoSchema, bytes);
    for (let count = 1 + draw(4); count > 0; count--) changeField(model, draw);
    return toBinary(ModelProtoSchema, model);
  },
};

/** Where the next letters stand: names, types, dimensions and attributes lie near them, between long stretches of weights. */
function textOffset(bytes: Uint8Array, start: number): number {
  let letters = 0;
  for (let offset = start; offset < bytes.length; offset++) {
    letters = ((bytes[offset] ?? 0) | 32) >= 97 && ((bytes[offset] ?? 0) | 32) <= 122 ? letters + 1 : 0;
    if (letters === 4) return offset;
  }
  return start;
}

const longs = [0n, -1n, 1n, 7n, 2n ** 31n, -(2n ** 31n), 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)];

/** Changes one thing that stays well-formed on the wire. */
function changeField({ graph, opsetImport }: ReturnType<typeof decoded>, draw: Draw): void {
  if (!graph) return;
  const pick = <Item>(items: readonly Item[]): Item | undefined => items[draw(items.length)];
  const long = pick(longs) ?? 0n;
  const [node, other, initializer] = [pick(graph.node), pick(graph.node), pick(graph.initializer)];
  const attribute = pick(node?.attribute ?? []);
  const tensor = attribute?.t ?? initializer;
  const shape = pick(graph.input)?.type?.value.value;
  const changes = [
    () => node && other && node.input.splice(draw(node.input.length + 1), draw(2), other.output[0] ?? ''),
    () => node && other && node.output.splice(draw(node.output.length), 1, pick(other.output) ?? ''),
    () => node && other && Object.assign(node, { opType: other.opType }),
    () => node && Object.assign(node, { domain: pick(['com.microsoft', 'ai.onnx.ml', 'x']) }),
    () => node && graph.node.push(node),
    () => graph.node.splice(draw(graph.node.length), 1 + draw(3)),
    () => graph.node.reverse(),
    () => initializer && graph.initializer.push(initializer),
    () => graph.initializer.splice(draw(graph.initializer.length), 1),
    () => attribute && Object.assign(attribute, { type: draw(16) }),
    () => attribute && Object.assign(attribute, { i: long }),
    () => attribute && Object.assign(attribute, { ints: attribute.ints.map(() => long) }),
    () => attribute?.ints.splice(0, draw(3), long),
    () => node && other && node.attribute.push(...other.attribute),
    () => tensor && Object.assign(tensor, { dims: tensor.dims.map((length) => pick([length, long])) }),
    () => tensor && Object.assign(tensor, { dataType: draw(30) }),
    () => tensor && Object.assign(tensor, { dataLocation: 1 }),
    () => tensor && Object.assign(tensor, { rawData: tensor.rawData.subarray(draw(8)) }),
    () => shape && 'elemType' in shape && Object.assign(shape, { elemType: draw(30) }),
    () => graph.input.splice(0),
    () => graph.output.push(...graph.output),
    () => opsetImport.map((set) => Object.assign(set, { version: long })),
  ];
  pick(changes)?.();
}

const decoded = (bytes: Uint8Array) => fromBinary(ModelProtoSchema, bytes);

/**
 * Reads mutated models. Each must be refused with one of the errors that stand for a wrong model, or make a graph in which
 * every node comes after what it reads; in less than five seconds.
 *
 * @param further what else is done with those that are supported; it may throw the same errors
 * @returns how many were refused, by the error
 */
export function readMutated(
  bytes: Uint8Array,
  count: number,
  seed: number,
  further?: (graph: Graph) => void,
): Record<string, number> {
  const outcomes: Record<string, number> = {};
  const random = createRandom(seed);
  const draw: Draw = (bound) => (bound > 0 ? random.integer(0, bound - 1) : 0);
  const names = Object.keys(mutations);
  for (let index = 0; index < count; index++) {
    const name = names[index % names.length] ?? '';
    const mutated = mutations[name]?.(bytes, draw) ?? bytes;
    const start = performance.now();
    const outcome = read(mutated, `mutation ${index} (${name}) of seed ${seed}`, further);
    expect(performance.now() - start, `milliseconds of mutation ${index} (${name}) of seed ${seed}`).toBeLessThan(5000);
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
  return outcomes;
}

const refusals = [MalformedModel, UnsupportedOperator, LimitExceeded, InvalidInput, ShapeMismatch];

function read(bytes: Uint8Array, what: string, further?: (graph: Graph) => void): string {
  try {
    const graph = importOnnx(bytes);
    const known = new Set([...graph.initializers.keys(), ...graph.inputs.map(({ name }) => name)]);
    for (const node of graph.nodes) {
      const unknown = usedNames(node).find((used) => !known.has(used));
      if (unknown !== undefined) throw new Error(`${node.name} comes before ${unknown}.`);
      for (const output of node.outputs) known.add(output);
    }
    if (unsupportedNodes(graph, operators).length > 0) return 'accepted, with unsupported nodes';
    further?.(graph);
    return 'accepted';
  } catch (error) {
    if (refusals.some((refusal) => error instanceof refusal)) return (error as Error).name;
    throw new Error(`${what}: ${error}`, { cause: error });
  }
}

/** Plans a graph of float32 inputs of one shape. */
export function planZeros(engine: Engine, graph: Graph, shape: Shape): void {
  using model = new Model(engine, graph, operators);
  const x = hostTensor('float32', shape, new Float32Array(elementCount(shape)));
  model.plan(Object.fromEntries(graph.inputs.map(({ name }) => [name, x])));
}
