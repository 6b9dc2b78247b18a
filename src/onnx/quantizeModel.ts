import type { CalibrationStatistics } from '../calib/statistics.ts';
import type { Graph } from '../graph/graph.ts';
import { Model } from '../graph/model.ts';
import { neededOpset, type QuantizeModelOptions } from '../graph/quantization/options.ts';
import { quantizeGraph } from '../graph/quantization/quantizeGraph.ts';
import { toOnnx } from './export.ts';
import { toQOperator } from './qOperator.ts';
import { toSafetensors } from './safetensors.ts';
import { upgradeGraph } from './upgrade.ts';

/** How an ONNX model says that a layer is quantized. */
export type OnnxForm = 'qdq' | 'qoperator';

/** A quantized model, to be run or written. */
export interface QuantizedModel {
  /** Runs on the engine of the model that was quantized, with integers where it can. The caller disposes it. */
  readonly model: Model;
  /** Names of the nodes whose inputs are quantized. */
  readonly quantized: readonly string[];
  /** Convolutions and matrix products that stayed in float, and why. */
  readonly skipped: readonly { readonly node: string; readonly reason: string }[];
  /**
   * An ONNX model of operator set 13 or newer, which ONNX Runtime runs with integers too: `qdq` unless given, which any
   * runtime understands, or `qoperator`, whose nodes are integer operators as `toQOperator` says.
   */
  toOnnx(form?: OnnxForm): Uint8Array<ArrayBuffer>;
  /** Weights, biases and their parameters, codes packed to their width: see `toSafetensors`. */
  toSafetensors(): Uint8Array<ArrayBuffer>;
}

/**
 * Quantizes a model with static ranges, or its weights alone: see `quantizeGraph`.
 *
 * ```ts
 * const statistics = await calibrate(model, batches);
 * const quantized = quantizeModel(model, statistics, { exclude: ['head*'] });
 * const outputs = quantized.model.run({ x });
 * ```
 *
 * @param statistics what `calibrate` found for this model; undefined where `activations` are `float`
 * @throws InvalidInput for statistics of another model or none, and patterns that fit no node; InvalidQuantization; UnsupportedOperator for a model that
 * newer operator sets cannot express
 */
export function quantizeModel(
  model: Model,
  statistics: CalibrationStatistics | undefined,
  options: QuantizeModelOptions = {},
): QuantizedModel {
  const { engine, operators } = model;
  const upgraded: Graph = upgradeGraph(model.source, neededOpset(options));
  const { graph, quantized, skipped } = quantizeGraph(upgraded, operators, statistics, options);
  return {
    model: new Model(engine, graph, operators),
    quantized,
    skipped,
    toOnnx: (form = 'qdq') => toOnnx(form === 'qdq' ? graph : toQOperator(graph, operators)),
    toSafetensors: () => toSafetensors(graph),
  };
}
