import { InvalidInput } from '../base/errors.ts';
import { inTurns } from '../base/pieces.ts';
import { DistributionObserver } from '../calib/distributionObserver.ts';
import { mergingStatistics } from '../calib/mergeStatistics.ts';
import type { Observer } from '../calib/observer.ts';
import { RangeObserver } from '../calib/rangeObserver.ts';
import { defaultPercentile } from '../calib/rangesOf.ts';
import type { CalibrationMethod, CalibrationStatistics } from '../calib/statistics.ts';
import type { Engine } from '../gpu/engine.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { type Granularity, perTensor } from '../quant/granularity.ts';
import type { Graph } from './graph.ts';
import type { Model } from './model.ts';
import { type Batches, type BatchOptions, observeBatches } from './observeBatches.ts';

/** How a model is calibrated. */
export interface CalibrateOptions extends BatchOptions {
  /** How ranges are gathered; `minmax` unless given. */
  readonly method?: CalibrationMethod;
  /** Share of a new batch in moving averages, above 0 and up to 1; 0.1 unless given. */
  readonly averagingConstant?: number;
  /** Elements that a range of the method `percentile` holds, in percent, above 0 and up to 100; 99.99 unless given. */
  readonly percentile?: number;
  /**
   * Values whose rows, along the last axis, are logits: what `cross-entropy` looks at. Unless given, what Softmax and LogSoftmax
   * over the last axis read; where nothing does, the outputs of the model.
   */
  readonly logits?: readonly string[];
  /** `perTensor()` unless given; `perChannel(axis)` finds a range for each place on an axis, where values have it. */
  readonly granularity?: Granularity;
  /** What was found in batches before these, by the same method: the result includes it; nothing unless given. */
  readonly earlier?: CalibrationStatistics;
  /** Gets what was found so far, so that a calibration that is stopped can go on from there as `earlier`. */
  readonly save?: {
    /** Batches from one time to the next. */
    readonly every: number;
    /** @param batches how many of the batches given the statistics hold, beside those of `earlier` */
    readonly to: (statistics: CalibrationStatistics, batches: number) => void | Promise<void>;
  };
}

/**
 * Runs a model in float on sample inputs and finds the range of every float32 value in it: of the graph as it was given, not
 * as it was optimized. The ranges, histograms and sampled rows stay on the GPU until the end; searching ranges in them is work for the
 * CPU, which gives way to other tasks every few milliseconds.
 *
 * ```ts
 * const statistics = await calibrate(model, images.map((x) => ({ x })));
 * ```
 *
 * @param batches inputs as `model.run` takes them; their shapes may differ. Each is one batch of a moving average.
 * @returns plain data, which survives JSON and which `mergeStatistics` combines
 * @throws InvalidInput for no batches, earlier statistics of another method, options out of range, logits that are no values of the model, and naming the value where one is not finite; Aborted; whatever `model.run` throws
 */
export async function calibrate(
  model: Model,
  batches: Batches,
  options: CalibrateOptions = {},
): Promise<CalibrationStatistics> {
  const { earlier, save, signal } = options;
  const observer = observerFor(model.engine, model.source, options);
  const read = async (): Promise<CalibrationStatistics> => {
    const found = await observer.read(signal);
    return earlier ? inTurns(mergingStatistics(earlier, found), signal) : found;
  };
  let count = 0;
  try {
    const observe = (name: string, tensor: Tensor<'float32'>): void => observer.observe(name, tensor);
    const afterBatch = async (): Promise<void> => {
      observer.endBatch();
      count++;
      if (save && count % save.every === 0) await save.to(await read(), count);
    };
    await observeBatches(model, batches, { observe, afterBatch }, options);
    return await read();
  } finally {
    observer.dispose();
  }
}

function observerFor(engine: Engine, graph: Graph, options: CalibrateOptions): Observer {
  const { method = 'minmax', averagingConstant = 0.1, granularity = perTensor() } = options;
  const isLogits = logitsOf(graph, options.logits);
  if (method === 'minmax' || method === 'moving-average') {
    return new RangeObserver(engine, { method, averagingConstant, granularity });
  }
  const { percentile = defaultPercentile } = options;
  return new DistributionObserver(engine, { method, percentile, granularity, isLogits });
}

/** Which values are logits. @throws InvalidInput */
function logitsOf(graph: Graph, given: readonly string[] | undefined): (name: string, axisCount: number) => boolean {
  const { nodes, inputs, outputs, opsets } = graph;
  if (given) {
    const names = new Set([...inputs.map(({ name }) => name), ...nodes.flatMap((node) => node.outputs)]);
    const unknown = given.find((name) => !names.has(name));
    if (unknown === undefined) return (name) => given.includes(name);
    throw new InvalidInput(`There is no value "${unknown}" in the model to be logits; name one that a node computes.`);
  }
  const usualAxis = (opsets.get('') ?? 13) < 13 ? 1 : -1;
  const axes = new Map<string, unknown>();
  for (const { operator, domain, inputs, attributes } of nodes) {
    if (domain !== '' || (operator !== 'Softmax' && operator !== 'LogSoftmax')) continue;
    axes.set(inputs[0] ?? '', attributes.get('axis') ?? usualAxis);
  }
  if (axes.size === 0) return (name) => outputs.some((output) => output.name === name);
  return (name, axisCount) => axes.has(name) && [-1, axisCount - 1].some((last) => axes.get(name) === last);
}
