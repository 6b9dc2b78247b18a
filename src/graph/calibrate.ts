import { Aborted, InvalidInput } from '../base/errors.ts';
import { RangeObserver } from '../calib/rangeObserver.ts';
import type { CalibrationMethod, CalibrationStatistics } from '../calib/statistics.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { type Granularity, perTensor } from '../quant/granularity.ts';
import type { HostTensor } from './hostTensor.ts';
import { Model } from './model.ts';

/** How a model is calibrated. */
export interface CalibrateOptions {
  /** How ranges are gathered; `minmax` unless given. */
  readonly method?: CalibrationMethod;
  /** Share of a new batch in moving averages, above 0 and up to 1; 0.1 unless given. */
  readonly averagingConstant?: number;
  /** `perTensor()` unless given; `perChannel(axis)` finds a range for each place on an axis, where values have it. */
  readonly granularity?: Granularity;
  /** Ends the work early, with `Aborted`. */
  readonly signal?: AbortSignal;
  /** Told after each batch how many were run. */
  readonly onProgress?: (batches: number) => void;
}

/** Inputs of a model by name, for one run. */
export type CalibrationBatch = Readonly<Record<string, HostTensor | Tensor>>;

/** Batches that may be in flight: enough to keep the GPU busy, few enough to bound the memory of their inputs. */
const batchesInFlight = 4;

/**
 * Runs a model in float on sample inputs and finds the range of every float32 value in it: of the graph as it was given, not
 * as it was optimized. The ranges stay on the GPU until the end.
 *
 * ```ts
 * const statistics = await calibrate(model, images.map((x) => ({ x })));
 * ```
 *
 * @param batches inputs as `model.run` takes them; their shapes may differ. Each is one batch of a moving average.
 * @returns plain data, which survives JSON and which `mergeStatistics` combines
 * @throws InvalidInput for no batches, and naming the value where one is not finite; Aborted; whatever `model.run` throws
 */
export async function calibrate(
  model: Model,
  batches: Iterable<CalibrationBatch> | AsyncIterable<CalibrationBatch>,
  options: CalibrateOptions = {},
): Promise<CalibrationStatistics> {
  const { method = 'minmax', averagingConstant = 0.1, granularity = perTensor(), signal, onProgress } = options;
  const { engine, source, operators } = model;
  const observer = new RangeObserver(engine, { method, averagingConstant, granularity });
  try {
    using observed = new Model(engine, source, operators, {
      optimize: false,
      observe: (name, tensor) => observer.observe(name, tensor),
    });
    let count = 0;
    for await (const batch of batches) {
      if (signal?.aborted) throw new Aborted('Calibration was stopped before its end; start it again.');
      for (const output of observed.run(batch).values()) output.dispose();
      observer.endBatch();
      count++;
      if (count % batchesInFlight === 0) await engine.idle();
      onProgress?.(count);
    }
    if (count === 0) throw new InvalidInput('There are no inputs to calibrate with; give at least one.');
    return await observer.read();
  } finally {
    observer.dispose();
  }
}
