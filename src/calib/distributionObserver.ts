import { inTurns } from '../base/pieces.ts';
import type { Engine } from '../gpu/engine.ts';
import type { Tensor } from '../gpu/tensor.ts';
import type { Granularity } from '../quant/granularity.ts';
import { HistogramObserver } from './histogramObserver.ts';
import { describeValue } from './mergeStatistics.ts';
import type { Observer } from './observer.ts';
import { assertPercentile } from './rangesOf.ts';
import { RowSampler } from './rowSample.ts';
import type { CalibrationMethod, CalibrationStatistics, ValueRanges } from './statistics.ts';

/** How a `DistributionObserver` gathers ranges. */
export interface DistributionObserverOptions {
  readonly method: Exclude<CalibrationMethod, 'minmax' | 'moving-average'>;
  /** `perTensor()`, or `perChannel(axis)`: values that lack the axis have one range. */
  readonly granularity: Granularity;
  /** Elements that a range of the method `percentile` holds, in percent, above 0 and up to 100. */
  readonly percentile: number;
  /** Whether the rows of a value, along its last axis, are logits: what `cross-entropy` looks at. */
  readonly isLogits: (name: string, axisCount: number) => boolean;
}

/** Histograms of many values, and rows of those that are logits: what ranges for any codes can be chosen from. */
export class DistributionObserver implements Observer {
  readonly #histograms: HistogramObserver;
  readonly #rows: RowSampler;
  readonly #options: DistributionObserverOptions;
  #batches = 0;

  /** @throws InvalidInput for a percentage out of range, or ranges of groups */
  constructor(engine: Engine, options: DistributionObserverOptions) {
    assertPercentile(options.percentile);
    this.#histograms = new HistogramObserver(engine, options);
    this.#rows = new RowSampler(engine);
    this.#options = options;
  }

  observe(name: string, tensor: Tensor<'float32'>): void {
    const { method, isLogits } = this.#options;
    this.#histograms.observe(name, tensor);
    if (method === 'cross-entropy' && isLogits(name, tensor.shape.length)) this.#rows.observe(name, tensor);
  }

  endBatch(): void {
    this.#batches++;
  }

  async read(signal?: AbortSignal): Promise<CalibrationStatistics> {
    const { method, granularity, percentile } = this.#options;
    const histograms = await this.#histograms.read();
    const samples = await this.#rows.read();
    const values: Record<string, ValueRanges> = {};
    for (const [name, own] of histograms) {
      const rows = samples.get(name);
      const observed = { histograms: own, ...(rows && { rows }) };
      values[name] = await inTurns(describeValue(observed, { method, percentile }, this.#batches), signal);
    }
    return { method, percentile, ...(granularity.kind === 'channel' && { axis: granularity.axis }), values };
  }

  dispose(): void {
    this.#histograms.dispose();
    this.#rows.dispose();
  }
}
