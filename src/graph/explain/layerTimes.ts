/** How long one layer takes on this adapter, in float and with 8-bit codes. */
import { Aborted } from '../../base/errors.ts';
import { elementCount } from '../../base/shape.ts';
import type { Graph, GraphNode } from '../graph.ts';
import { type HostTensor, hostTensor } from '../hostTensor.ts';
import { Model, type ModelInputs } from '../model.ts';
import type { ValueType } from '../operator.ts';
import type { QuantizedLayer, QuantizedLayers } from './layers.ts';

/** Milliseconds of a layer by itself. */
export interface LayerTimes {
  readonly float: number;
  /** From codes to codes. Whatever the weights' bits: kernels widen them to 8 when a model is loaded. */
  readonly codes: number;
}

/** Runs are repeated until they take this long together, so that waiting for them counts little. */
const leastMilliseconds = 20;
const mostRuns = 1024;
const repetitions = 3;

/** Milliseconds of one of many runs in a row: the median of three such rows, after one run to warm up. @throws Aborted */
export async function millisecondsOf(model: Model, inputs: ModelInputs, signal?: AbortSignal): Promise<number> {
  const timed = async (runs: number): Promise<number> => {
    if (signal?.aborted) throw new Aborted('Timing layers was stopped before its end; start it again.');
    const start = performance.now();
    for (let run = 0; run < runs; run++) {
      for (const output of model.run(inputs).values()) output.dispose();
    }
    await model.engine.idle();
    return performance.now() - start;
  };
  await timed(1);
  let runs = 1;
  let first = await timed(runs);
  while (first < leastMilliseconds && runs < mostRuns) {
    runs *= 2;
    first = await timed(runs);
  }
  const times = [first];
  while (times.length < repetitions) times.push(await timed(runs));
  return (times.sort((left, right) => left - right)[repetitions >> 1] ?? first) / runs;
}

/**
 * Times a layer alone, on an input of the shape that it has in the model: in float, and with the codes of its input and of its
 * result, which then has the scale of the input.
 *
 * @param type of the layer's input
 * @throws Aborted; whatever `model.run` throws
 */
export async function layerTimes(
  { engine, operators }: Model,
  { graph }: QuantizedLayers,
  layer: QuantizedLayer,
  { shape }: ValueType,
  signal?: AbortSignal,
): Promise<LayerTimes> {
  const [value] = layer.values;
  const scale = value?.scale ?? hostTensor('float32', [], [1]);
  const zeroPoint = value?.zeroPoint ?? hostTensor('uint8', [], [0]);
  // Codes 0 to 100 in no order, and what they stand for.
  const codes = Array.from({ length: elementCount(shape) }, (_, index) => (index * 7919) % 101);
  const floats = codes.map((code) => (code - (zeroPoint.data[0] ?? 0)) * (scale.data[0] ?? 1));
  const measure = async (made: Graph, x: HostTensor): Promise<number> => {
    using model = new Model(engine, made, operators);
    return millisecondsOf(model, { x }, signal);
  };
  return {
    float: await measure(floatGraph(graph, layer), hostTensor('float32', shape, floats)),
    codes: await measure(
      codeGraph(graph, layer, { scale, zeroPoint }),
      hostTensor(zeroPoint.elementType, shape, codes),
    ),
  };
}

function graphAround(graph: Graph, nodes: readonly GraphNode[], constants: ReadonlyMap<string, HostTensor>): Graph {
  const untyped = { elementType: undefined, dimensions: undefined };
  return {
    ...graph,
    inputs: [{ name: 'x', ...untyped }],
    outputs: [{ name: 'y', ...untyped }],
    nodes,
    initializers: new Map([...graph.initializers, ...constants]),
  };
}

function floatGraph(graph: Graph, { node, constants }: QuantizedLayer): Graph {
  const floats = new Map(constants.map(({ index, float }) => [`float ${index}`, float]));
  const inputs = node.inputs.map((name, index) => {
    if (index === 0) return 'x';
    return floats.has(`float ${index}`) ? `float ${index}` : name;
  });
  return graphAround(graph, [{ ...node, inputs, outputs: ['y'] }], floats);
}

function codeGraph(
  graph: Graph,
  { node }: QuantizedLayer,
  parameters: { readonly scale: HostTensor; readonly zeroPoint: HostTensor },
): Graph {
  const makers = new Map(graph.nodes.flatMap((each) => each.outputs.map((name) => [name, each] as const)));
  const needed = new Set<GraphNode>();
  const pending = node.inputs.slice(1);
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const maker = makers.get(name);
    if (!maker || needed.has(maker)) continue;
    needed.add(maker);
    pending.push(...maker.inputs);
  }
  const names = ['timed scale', 'timed zero point'];
  const constants = new Map([
    ['timed scale', parameters.scale],
    ['timed zero point', parameters.zeroPoint],
  ]);
  const step = (operator: string, from: string, to: string): GraphNode => {
    return {
      name: `timed ${to}`,
      domain: '',
      operator,
      inputs: [from, ...names],
      outputs: [to],
      attributes: new Map(),
    };
  };
  const layer = { ...node, inputs: node.inputs.with(0, 'timed input'), outputs: ['timed output'] };
  const nodes = [
    step('DequantizeLinear', 'x', 'timed input'),
    ...graph.nodes.filter((each) => needed.has(each)),
    layer,
    step('QuantizeLinear', 'timed output', 'y'),
  ];
  return graphAround(graph, nodes, constants);
}
