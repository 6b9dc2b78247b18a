import { LimitExceeded, ShapeMismatch } from '../base/errors.ts';
import type { Fault } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { windowsOf, workRuns } from '../gpu/windows.ts';
import type { Granularity, ParameterMap } from '../quant/granularity.ts';
import { accumulateRanges } from '../quant/range.ts';
import { planReduction, reductionFields } from '../quant/reduction.ts';
import { cellCount, gridOf, type Histogram } from './histogram.ts';
import { assertObservable, channelsDiffer, floatFromOrdered, nonFinite, observedMap } from './observer.ts';

const growKernel = declareKernel({
  name: 'calib/growHistogram',
  uniforms: { first: 'u32', end: 'u32' },
  bindings: { ranges: 'read', state: 'write', former: 'write' },
});

const countKernel = declareKernel({
  name: 'calib/countHistogram',
  uniforms: reductionFields,
  bindings: { x: 'read', state: 'write' },
});

/** Words of a parameter's state: see shaders/calib/histogramGrid.wgsl. */
const countsAt = 2;
const counters = cellCount + 1;
const stateWords = countsAt + 2 * counters;
/** What one carry stands for. */
const carried = 2 ** 31;

interface State {
  readonly ranges: Tensor<'int32'>;
  readonly state: Tensor<'int32'>;
  readonly count: number;
  readonly fault: Fault;
}

/** How a `HistogramObserver` counts. */
export interface HistogramObserverOptions {
  /** `perTensor()`, or `perChannel(axis)`: values that lack the axis have one histogram. */
  readonly granularity: Granularity;
  /** Whether workgroups count in memory of their own first, which SwiftShader is slower with; true on GPUs unless given. */
  readonly cooperative?: boolean;
}

/**
 * Histograms of many values over batches, which stay on the GPU until they are read: 16 KiB for each value or channel. A
 * batch takes three dispatches a value: its range grows, what was counted moves to the cells of the new range, and the batch
 * is counted. Counts are exact up to 2⁵³, and do not depend on the order or the sizes of batches.
 */
export class HistogramObserver {
  readonly #engine: Engine;
  readonly #granularity: Granularity;
  readonly #cooperative: boolean;
  readonly #states = new Map<string, State>();

  /** @throws InvalidInput for histograms of groups */
  constructor(engine: Engine, { granularity, cooperative = !engine.info.software }: HistogramObserverOptions) {
    assertObservable(granularity);
    this.#engine = engine;
    this.#granularity = granularity;
    this.#cooperative = cooperative;
  }

  /**
   * Records that a value is counted. May be called while a plan is recorded, to be repeated.
   * @throws ShapeMismatch for another number of channels than before, LimitExceeded for 2³¹ elements or more
   */
  observe(name: string, tensor: Tensor<'float32'>): void {
    if (tensor.size === 0) return;
    if (tensor.size >= carried) {
      throw new LimitExceeded(
        `"${name}" has ${tensor.size} elements in one batch; histograms take less than ${carried}: use smaller batches.`,
      );
    }
    const map = observedMap(this.#granularity, tensor.shape);
    const { ranges, state, count, fault } = this.#stateOf(name, map.count);
    if (count !== map.count) throw new ShapeMismatch(channelsDiffer(name, map.count, count));
    accumulateRanges(this.#engine, tensor, map, ranges.allocation, fault);
    growHistograms(this.#engine, ranges, state, count);
    this.#count(tensor, map, state);
  }

  /** The histograms so far, one a parameter, by name. @throws InvalidInput naming a value with an element that is not finite */
  async read(): Promise<Map<string, Histogram[]>> {
    const histograms = new Map<string, Histogram[]>();
    for (const [name, { ranges, state, count }] of this.#states) {
      const [limits, words] = await Promise.all([ranges.read(), state.read()]);
      // Not seen in a batch that was run.
      if (limits[1] === 0) continue;
      histograms.set(
        name,
        Array.from({ length: count }, (_, index) => {
          const own = words.subarray(index * stateWords, (index + 1) * stateWords);
          return histogramOf(~(limits[2 * index] ?? 0), limits[2 * index + 1] ?? 0, own);
        }),
      );
    }
    return histograms;
  }

  dispose(): void {
    for (const { ranges, state, fault } of this.#states.values()) {
      fault.release();
      ranges.dispose();
      state.dispose();
    }
    this.#states.clear();
  }

  #count(x: Tensor<'float32'>, map: ParameterMap, state: Tensor<'int32'>): void {
    const { lanes, nested, parts } = planReduction(this.#engine, map, windowsOf(this.#engine, x.allocation, x.size));
    const variant = {
      conditions: { nested, cooperative: this.#cooperative && lanes === 64 },
      constants: { LANES: lanes },
    };
    for (const { uniforms, window, workgroups, work } of parts) {
      const bindings = { x: window.view, state };
      // About twice what finding the range takes.
      this.#engine.run(countKernel, { uniforms, bindings, workgroups, work: 2 * work, variant });
    }
  }

  #stateOf(name: string, count: number): State {
    const known = this.#states.get(name);
    if (known) return known;
    const engine = this.#engine;
    // Plans share it, so it does not belong to the one that is being recorded.
    const made = engine.uncaptured(() => ({
      ranges: engine.tensor(new Int32Array(2 * count), [2 * count]),
      state: engine.tensor(new Int32Array(stateWords * count), [stateWords * count]),
      count,
      fault: engine.fault((index) => nonFinite(name, index)),
    }));
    this.#states.set(name, made);
    return made;
  }
}

/**
 * Records that the counts of histograms move to the grids of ranges that have grown.
 * @param ranges two words a histogram, as quant/range leaves them
 * @param state of each histogram, as shaders/calib/histogramGrid.wgsl describes it
 */
export function growHistograms(engine: Engine, ranges: Tensor, state: Tensor, count: number): void {
  const former = engine.allocate(count * counters * 8);
  for (const { first, end, work } of workRuns(engine, count, counters * 40, 1)) {
    const bindings = { ranges, state, former };
    engine.run(growKernel, { uniforms: { first, end }, bindings, workgroups: end - first, work });
  }
  former.release();
}

/** A histogram from its range, as the ordered integers of two floats, and its state. */
export function histogramOf(low: number, high: number, state: Int32Array): Histogram {
  const [minimum, maximum] = [floatFromOrdered(low), floatFromOrdered(high)];
  const { exponent, first, cells } = gridOf(minimum, maximum);
  const countOf = (counter: number): number =>
    ((state[countsAt + counter] ?? 0) >>> 0) + carried * ((state[countsAt + counters + counter] ?? 0) >>> 0);
  const counts = Array.from({ length: cells }, (_, cell) => countOf(cell));
  return { minimum: minimum + 0, maximum: maximum + 0, exponent, first, counts, zeros: countOf(cellCount) };
}
