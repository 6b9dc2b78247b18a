/** What quantization cost a model, layer by layer. */
import { InvalidInput } from '../../base/errors.ts';
import type { Graph } from '../graph.ts';
import { storedBytes } from '../hostTensor.ts';
import { Model, type ModelInputs } from '../model.ts';
import type { NodePlan } from '../plan.ts';
import type { BitChoice } from './bitCurve.ts';
import { type ChangedGraph, groupParts, type PartGroup } from './changedPart.ts';
import { type Difference, DifferenceMeter, decibels } from './difference.ts';
import { type QuantizedLayer, QuantizedLayers } from './layers.ts';
import {
  countOperations,
  multiplyAdds,
  type OperationReport,
  type OperatorShares,
  operatorShares,
  type PlannedModel,
  plannedModel,
  plannedNodes,
} from './operations.ts';
import { Comparison, meanNoise, type RunOptions, runsOf } from './runs.ts';
import { type QuantizedValueReport, ValueMeter } from './valueMeter.ts';

/** How a quantized model is explained. */
export interface ExplainOptions extends RunOptions {
  /** Whether each layer is also quantized alone, and left in float alone: two runs from it on for each sample; true unless given. */
  readonly sensitivity?: boolean;
}

/** What one layer by itself does to the outputs of the model. */
export interface LayerSensitivity {
  /** SQNR of the outputs in decibels with only this layer quantized: the lower, the more it hurts. */
  readonly onlyThis: number;
  /** The same with all layers quantized but this: the higher above that of the whole, the more leaving it in float would help. */
  readonly allButThis: number;
  /** Its share of the noise that all layers make alone, from 0 to 1. */
  readonly noiseShare: number;
}

/** What quantization did to one layer: a node that reads values or constants rounded to codes. */
export interface LayerExplanation {
  readonly node: string;
  readonly operator: string;
  /** Place in the order of the graph, from 0. */
  readonly place: number;
  /** Which kernel computes it, and why. */
  readonly kernel: string;
  /** Its result in the quantized model against the float one's, errors of layers before it included; null where that lacks it. */
  readonly output: Difference | null;
  /** Its constants (weights and bias) as rounded against as they were; null where it has none. */
  readonly weights: Difference | null;
  /** Values that it reads rounded to codes of one scale. */
  readonly inputs: readonly QuantizedValueReport[];
  /** Of its constants, codes with scales and zero points. */
  readonly bytes: { readonly float: number; readonly quantized: number };
  /** Multiplications with an addition each in one run. */
  readonly multiplyAdds: number;
  /** Null where it was not asked for. */
  readonly sensitivity: LayerSensitivity | null;
}

/** What quantization cost a model. Plain data, which survives JSON. */
export interface QuantizationReport {
  /** Inputs that were run. */
  readonly samples: number;
  /** SQNR of the outputs in decibels, from the mean of their noise-to-signal ratios. */
  readonly sqnr: number;
  readonly outputs: readonly (Difference & { readonly name: string })[];
  /** Of all constants of the models. */
  readonly bytes: { readonly float: number; readonly quantized: number };
  /** Shares of codes at an end, and of elements that the codes do not reach, over all values that layers read. */
  readonly saturation: number;
  readonly clipped: number;
  /** Those that hurt most first: by `onlyThis`, or by the SQNR of their own results without sensitivity. */
  readonly layers: readonly LayerExplanation[];
  /** Of one run. */
  readonly operations: { readonly float: OperationReport; readonly quantized: OperationReport };
  readonly operators: OperatorShares;
  /** How the width of each layer was chosen; null where it was not. */
  readonly bits: BitChoice | null;
}

/** A quantized model with nothing quantized agrees with its float model up to rounding. */
const leastAgreement = 40;

/**
 * Compares a quantized model with the float one that it was made from: on samples, layer by layer, and with layers quantized
 * one at a time. Errors are added up on the CPU in float64. Takes one run of each model on each sample with all results of
 * layers read back, and two more runs a layer for its sensitivity, each from that layer to the outputs.
 *
 * Memory: on the GPU the results of all layers of both models for one sample, or of some layers for all samples, 256 MiB unless one
 * layer takes more; on the CPU the weights of both as floats, one result of each at a time, and the outputs of the float model for
 * all samples.
 *
 * ```ts
 * const quantized = quantizeModel(model, await calibrate(model, batches));
 * const report = await explainQuantization(model, quantized.model, batches.slice(0, 4));
 * report.layers[0]; // hurts most
 * ```
 *
 * @param quantized in QDQ form, its values named as in the float model: what `quantizeModel` gives, or ONNX Runtime's tool
 * @param samples inputs as `model.run` takes them
 * @throws InvalidInput for no samples, or a quantized model that is not of this float model; Aborted; whatever `run` throws
 */
export async function explainQuantization(
  float: Model,
  quantized: Model,
  samples: readonly ModelInputs[],
  options: ExplainOptions = {},
): Promise<QuantizationReport> {
  const [first] = samples;
  if (!first) throw new InvalidInput('There are no samples to compare the models with; give at least one.');
  const { engine, operators } = float;
  const found = new QuantizedLayers(float.source, quantized.source, operators);
  const { layers, graph } = found;
  const { sensitivity = true } = options;
  const alone = sensitivity ? new LayersAlone(float, found, samples) : undefined;
  const comparison = new Comparison(float, samples, 2 + (alone?.runs ?? 0), options);
  // The models as they were given: what is fused has no results of its own.
  const plain = { optimize: false };
  const names = observedNames(layers, float.source, graph);
  using floatRun = new Model(engine, withOutputs(float.source, names), operators, plain);
  using quantizedRun = new Model(engine, withOutputs(graph, names), operators, plain);
  const measured = await measure(comparison, floatRun, quantizedRun, layers, graph);
  const noise = await alone?.sensitivities(comparison);
  const given = plannedModel(quantizedRun, first);
  const optimized = plannedModel(quantized, first);
  const kernels = plannedNodes(optimized);
  const explained = layers.map((layer, place) => ({
    ...describeLayer(layer, given, kernels),
    place,
    output: measured.values.get(layer.node.outputs[0] ?? '')?.result ?? null,
    inputs: layer.values.flatMap(({ name }) => measured.inputs.get(name)?.result ?? []),
    sensitivity: noise?.[place] ?? null,
  }));
  const badness = ({ sensitivity, output }: LayerExplanation) => sensitivity?.onlyThis ?? output?.sqnr ?? 0;
  const outputs = graph.outputs.flatMap(({ name }) => measured.values.get(name) ?? []);
  const all = [...measured.inputs.values()].map((meter) => meter.result);
  return {
    samples: samples.length,
    sqnr: decibels(meanNoise(outputs)),
    outputs: graph.outputs.flatMap(({ name }) => {
      const meter = measured.values.get(name);
      return meter ? [{ name, ...meter.result }] : [];
    }),
    bytes: {
      float: storedBytes(float.source.initializers.values()),
      quantized: storedBytes(quantized.source.initializers.values()),
    },
    saturation: meanOf(all, ({ saturation }) => saturation),
    clipped: meanOf(all, ({ clipped }) => clipped),
    layers: explained.sort((left, right) => badness(left) - badness(right) || left.place - right.place),
    operations: {
      float: countOperations(plannedModel(floatRun, first), plannedModel(float, first)),
      quantized: countOperations(given, optimized),
    },
    operators: operatorShares(optimized),
    bits: null,
  };
}

const meanOf = <Item>(items: readonly Item[], of: (item: Item) => number): number =>
  items.reduce((sum, item) => sum + of(item), 0) / Math.max(items.length, 1);

/** Results of layers, values that they read, and outputs, where both graphs have them. */
function observedNames(layers: readonly QuantizedLayer[], float: Graph, quantized: Graph): ReadonlySet<string> {
  const wanted = new Set(quantized.outputs.map(({ name }) => name));
  for (const { node, values } of layers)
    for (const name of [node.outputs[0] ?? '', ...values.map(nameOf)]) wanted.add(name);
  const known = new Set([...float.inputs.map(nameOf), ...float.nodes.flatMap(({ outputs }) => outputs)]);
  return new Set([...wanted].filter((name) => known.has(name)));
}

const nameOf = ({ name }: { readonly name: string }): string => name;

function withOutputs(graph: Graph, names: ReadonlySet<string>): Graph {
  const outputs = [...names].map((name) => ({ name, elementType: undefined, dimensions: undefined }));
  return { ...graph, outputs };
}

interface Measured {
  /** By the name of the value: how far it lies from the float model's. */
  readonly values: ReadonlyMap<string, DifferenceMeter>;
  /** By the name of the value: what rounding does to it. */
  readonly inputs: ReadonlyMap<string, ValueMeter>;
}

async function measure(
  comparison: Comparison,
  float: Model,
  quantized: Model,
  layers: readonly QuantizedLayer[],
  graph: Graph,
): Promise<Measured> {
  const outputs = [...layers.map(({ node }) => node.outputs[0] ?? ''), ...graph.outputs.map(nameOf)];
  const values = new Map(outputs.map((name) => [name, new DifferenceMeter()]));
  const read = layers.flatMap((layer) => layer.values).filter(({ scale }) => scale.data.length === 1);
  const inputs = new Map(read.map((value) => [value.name, new ValueMeter(value)]));
  await comparison.run([float, quantized], async ([wanted, found]) => {
    for (const [name, result] of found ?? []) {
      const [value, input] = [values.get(name), inputs.get(name)];
      const elements = (await result.read()).data;
      input?.add(elements);
      const reference = value && (await wanted?.get(name)?.read());
      if (reference) value.add(reference.data, elements);
    }
  });
  return { values, inputs };
}

/** A quantized model with each layer quantized alone, and with all but it, in the order of the layers. */
class LayersAlone {
  readonly #float: Graph;
  readonly #quantized: Graph;
  readonly #only: readonly PartGroup[];
  readonly #without: readonly PartGroup[];

  constructor(model: Model, found: QuantizedLayers, samples: readonly ModelInputs[]) {
    const { layers, graph } = found;
    this.#float = found.only(() => false);
    this.#quantized = graph;
    const grouped = (base: Graph, changed: readonly ChangedGraph[]) => groupParts(model, base, changed, samples);
    this.#only = grouped(
      this.#float,
      layers.map((layer) => found.alone(layer)),
    );
    this.#without = grouped(
      graph,
      layers.map((layer) => found.without(layer)),
    );
  }

  /** Runs for each sample, those of the float model among them. */
  get runs(): number {
    return 2 + runsOf(this.#only) + runsOf(this.#without);
  }

  /** @throws InvalidInput where the quantized model is not of this float model */
  async sensitivities(comparison: Comparison): Promise<readonly LayerSensitivity[]> {
    const agreement = decibels(await comparison.noise(this.#float));
    if (agreement < leastAgreement) {
      throw new InvalidInput(
        `With nothing quantized, the quantized model's outputs have an SQNR of ${agreement.toFixed(1)} dB against the float model's, but at least ${leastAgreement} dB is rounding of floats. Give the float model that was quantized, after any change to its weights.`,
      );
    }
    const only = await comparison.noises(this.#float, this.#only);
    const without = await comparison.noises(this.#quantized, this.#without);
    const sum = only.reduce((total, noise) => total + noise, 0);
    return only.map((noise, place) => ({
      onlyThis: decibels(noise),
      allButThis: decibels(without[place] ?? 0),
      noiseShare: Number.isFinite(sum) && sum > 0 ? noise / sum : noise > 0 ? 1 : 0,
    }));
  }
}

/** What is known of a layer without running it. */
function describeLayer(
  { node, constants }: QuantizedLayer,
  given: PlannedModel,
  kernels: ReadonlyMap<string, NodePlan>,
): Pick<LayerExplanation, 'node' | 'operator' | 'kernel' | 'weights' | 'bytes' | 'multiplyAdds'> {
  const meter = new DifferenceMeter();
  for (const { float, rounded } of constants) meter.add(float.data, rounded.data);
  return {
    node: node.name,
    operator: node.operator,
    kernel: kernels.get(node.name)?.explanation ?? 'folded away',
    weights: constants.length > 0 ? meter.result : null,
    bytes: {
      float: storedBytes(constants.map(({ float }) => float)),
      quantized: storedBytes(constants.flatMap(({ stored }) => stored)),
    },
    multiplyAdds: multiplyAdds(node, given.types),
  };
}
