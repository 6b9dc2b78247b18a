import { InvalidInput } from '../base/errors.ts';
import type { Allocation, BufferView, Fault } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import { assertFloats, type Tensor } from '../gpu/tensor.ts';
import { windowsOf } from '../gpu/windows.ts';
import { type Granularity, mapParameters, type ParameterMap, perTensor } from './granularity.ts';
import { planReduction, reductionFields } from './reduction.ts';

const rangeKernel = declareKernel({
  name: 'quant/range',
  uniforms: reductionFields,
  bindings: { x: 'read', ranges: 'write', fault: 'write' },
});

const decodeKernel = declareKernel({
  name: 'quant/decodeRanges',
  uniforms: { count: 'u32' },
  bindings: { ranges: 'read', minimum: 'write', maximum: 'write' },
});

/** Least and greatest element for each parameter, in the shape of the parameters. */
export interface Ranges {
  readonly minimum: Tensor<'float32'>;
  readonly maximum: Tensor<'float32'>;
}

/** The error for a non-finite element, which has no range and no code. */
export function nonFiniteElement(index: number): InvalidInput {
  return new InvalidInput(
    `Element ${index} (in row-major order) of the tensor to quantize is not finite; only finite numbers can be quantized: remove NaN and infinities first.`,
  );
}

/**
 * Records the range reduction, with non-finite elements reported to `fault`. Every parameter must have an element.
 * @param cooperative whether the lanes of an output merge their results in workgroup memory first. That saves atomics on
 * GPUs; SwiftShader pays for the barrier, four times the whole reduction in groups of 32.
 */
export function recordRanges(
  engine: Engine,
  x: Tensor<'float32'>,
  map: ParameterMap,
  fault: Fault,
  cooperative = !engine.info.software,
): Ranges {
  // It may refuse: before anything is allocated.
  const reduction = planRanges(engine, x, map);
  const minimum = engine.empty(map.shape, 'float32');
  const maximum = engine.empty(map.shape, 'float32');
  const ranges = engine.allocate(map.count * 8);
  engine.clear(ranges);
  runReduction(engine, reduction, ranges, fault, cooperative);
  engine.run(decodeKernel, {
    uniforms: { count: map.count },
    bindings: { ranges, minimum, maximum },
    workgroups: Math.ceil(map.count / 64),
    work: map.count * 10,
  });
  ranges.release();
  return { minimum, maximum };
}

/**
 * Records that the elements of a tensor widen ranges.
 * @param ranges two words a parameter, as `shaders/quant/range.wgsl` describes them; zeros to begin with
 */
export function accumulateRanges(
  engine: Engine,
  x: Tensor<'float32'>,
  map: ParameterMap,
  ranges: Allocation | BufferView,
  fault: Fault,
  cooperative = !engine.info.software,
): void {
  runReduction(engine, planRanges(engine, x, map), ranges, fault, cooperative);
}

function planRanges(engine: Engine, x: Tensor<'float32'>, map: ParameterMap) {
  return planReduction(engine, map, windowsOf(engine, x.allocation, x.size));
}

function runReduction(
  engine: Engine,
  { lanes, nested, parts }: ReturnType<typeof planRanges>,
  ranges: Allocation | BufferView,
  fault: Fault,
  cooperative: boolean,
): void {
  const variant = {
    conditions: { nested, cooperative: cooperative && lanes > 1 },
    constants: { LANES: lanes },
  };
  for (const { uniforms, window, workgroups, work } of parts) {
    engine.run(rangeKernel, { uniforms, bindings: { x: window.view, ranges, fault }, workgroups, work, variant });
  }
}

/**
 * The least and the greatest element of a tensor, of each channel or of each group, in one pass over the data. The
 * absolute maximum is the greater of −minimum and maximum. Exact on every adapter; −0 counts as less than 0.
 * @param x any shape with at least one element.
 * @returns two tensors in the shape of the parameters; reading them rejects with `InvalidInput` and the first index when
 * an element of `x` is not finite.
 * @throws InvalidInput when `x` is empty, ShapeMismatch when the axis is outside its shape, InvalidQuantization when the
 * group size is not positive.
 */
export function minMax(engine: Engine, x: Tensor<'float32'>, granularity: Granularity = perTensor()): Ranges {
  assertFloats(x, 'minMax');
  const map = mapParameters(granularity, x.shape);
  if (x.size === 0) {
    throw new InvalidInput(`minMax: a tensor of shape [${x.shape}] has no elements; give at least one.`);
  }
  const fault = engine.fault(nonFiniteElement);
  try {
    return recordRanges(engine, x, map, fault);
  } finally {
    fault.release();
  }
}
