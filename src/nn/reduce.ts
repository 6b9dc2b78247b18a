import { LimitExceeded } from '../base/errors.ts';
import { elementCount, resolveAxis, type Shape } from '../base/shape.ts';
import type { Fault } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel, type Variant } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { workRuns } from '../gpu/windows.ts';
import { lanesOfRows, type RowInternals, rowWorkgroupSize } from './rows.ts';

const uniforms = {
  outputCount: 'u32',
  segmentCount: 'u32',
  length: 'u32',
  keptLength1: 'u32',
  keptLength2: 'u32',
  keptLength3: 'u32',
  keptStep0: 'u32',
  keptStep1: 'u32',
  keptStep2: 'u32',
  keptStep3: 'u32',
  reducedLength1: 'u32',
  reducedLength2: 'u32',
  reducedLength3: 'u32',
  reducedStep0: 'u32',
  reducedStep1: 'u32',
  reducedStep2: 'u32',
  reducedStep3: 'u32',
  finish: 'u32',
  divisor: 'u32',
  minusInfinity: 'f32',
  firstSlot: 'u32',
  endSlot: 'u32',
} as const;
const bindings = { x: 'read', shift: 'read', y: 'write' } as const;
const reduceKernel = declareKernel({ name: 'nn/reduce', uniforms, bindings });
const checkedKernel = declareKernel({ name: 'nn/reduce', uniforms, bindings: { ...bindings, fault: 'write' } });
/** What becomes of the elements of an output: their sum, mean … `norm` is the square root of the sum of squares. */
export type Reduction =
  | 'sum'
  | 'mean'
  | 'maximum'
  | 'minimum'
  | 'product'
  | 'absoluteSum'
  | 'squareSum'
  | 'norm'
  | 'logarithmOfSum'
  | 'logSumExp';

/** How to reduce. */
export interface ReduceOptions {
  readonly reduction: Reduction;
  /** Axes that go, from either end. None are reduced where the list is empty, but elements are still mapped. */
  readonly axes: readonly number[];
  /** Keeps the reduced axes with length 1; false unless given. */
  readonly keepAxes?: boolean;
  /** The bits of an int32 tensor are unsigned integers; false unless given. */
  readonly unsigned?: boolean;
  /** Reading an int32 result rejects with `LimitExceeded` where a sum or product leaves 32 bits; false unless given. */
  readonly checked?: boolean;
}

/** Elements that one invocation reads at most: sums stay accurate, and long ones are shared out. */
const elementsPerLane = 256;
const workPerElement = 12;
const maximumGroups = 4;

interface AxisRun {
  readonly length: number;
  readonly step: number;
}

/** Kept and reduced axes with their steps, neighbours of one kind merged, outermost first. */
interface Geometry {
  readonly kept: readonly AxisRun[];
  readonly reduced: readonly AxisRun[];
}

function geometryOf(shape: Shape, reducedAxes: ReadonlySet<number>): Geometry {
  const kept: AxisRun[] = [];
  const reduced: AxisRun[] = [];
  let step = 1;
  let before: AxisRun[] | undefined;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const length = shape[axis] ?? 1;
    if (length === 1) continue;
    const runs = reducedAxes.has(axis) ? reduced : kept;
    const inner = runs[0];
    if (runs === before && inner) runs[0] = { length: inner.length * length, step: inner.step };
    else runs.unshift({ length, step });
    before = runs;
    step *= length;
  }
  if (Math.max(kept.length, reduced.length) > maximumGroups) {
    throw new LimitExceeded(
      `reduce: shape [${shape}] has ${kept.length} groups of kept and ${reduced.length} of reduced axes; there may be ${maximumGroups} of each. Transpose it first.`,
    );
  }
  return { kept, reduced };
}

/** The fields of four axes of a kind, the innermost last. */
function axisFields<K extends 'kept' | 'reduced'>(kind: K, runs: readonly AxisRun[]) {
  const padded = [...Array<AxisRun>(maximumGroups - runs.length).fill({ length: 1, step: 0 }), ...runs];
  const lengthOf = (index: number): number => padded[index]?.length ?? 1;
  const stepOf = (index: number): number => padded[index]?.step ?? 0;
  return {
    [`${kind}Length1`]: lengthOf(1),
    [`${kind}Length2`]: lengthOf(2),
    [`${kind}Length3`]: lengthOf(3),
    [`${kind}Step0`]: stepOf(0),
    [`${kind}Step1`]: stepOf(1),
    [`${kind}Step2`]: stepOf(2),
    [`${kind}Step3`]: stepOf(3),
  } as Record<`${K}Length${1 | 2 | 3}` | `${K}Step${0 | 1 | 2 | 3}`, number>;
}

/** What one pass does to each element, and to the result. */
interface Pass {
  readonly combine: 'sum' | 'product' | 'maximum' | 'minimum';
  readonly map: 'none' | 'square' | 'absolute' | 'shifted';
  readonly finish: keyof typeof finishes;
}

const finishes = { none: 0, divide: 1, squareRoot: 2, logarithm: 3, shiftedLogarithm: 4 } as const;

const passes: Readonly<Record<Reduction, Pass>> = {
  sum: { combine: 'sum', map: 'none', finish: 'none' },
  mean: { combine: 'sum', map: 'none', finish: 'divide' },
  maximum: { combine: 'maximum', map: 'none', finish: 'none' },
  minimum: { combine: 'minimum', map: 'none', finish: 'none' },
  product: { combine: 'product', map: 'none', finish: 'none' },
  absoluteSum: { combine: 'sum', map: 'absolute', finish: 'none' },
  squareSum: { combine: 'sum', map: 'square', finish: 'none' },
  norm: { combine: 'sum', map: 'square', finish: 'squareRoot' },
  logarithmOfSum: { combine: 'sum', map: 'none', finish: 'logarithm' },
  logSumExp: { combine: 'sum', map: 'shifted', finish: 'shiftedLogarithm' },
};

interface PassSource {
  readonly pass: Pass;
  readonly geometry: Geometry;
  readonly divisor: number;
  readonly shift: Tensor;
  readonly unsigned: boolean;
  /** Where to report results beyond 32 bits. */
  readonly fault: Fault | undefined;
  readonly internals: RowInternals;
}

/** Records a pass, and another one over the results of its slots where an output needs several. */
function recordPass<D extends 'float32' | 'int32'>(engine: Engine, x: Tensor<D>, source: PassSource): Tensor<D> {
  const { pass, geometry, divisor, shift, unsigned, fault, internals } = source;
  const { kept, reduced } = geometry;
  const outputCount = elementCount(kept.map((run) => run.length));
  const length = elementCount(reduced.map((run) => run.length));
  const inner = reduced.at(-1)?.step ?? 1;
  const lanes = internals.lanes ?? lanesOfRows(engine, { length, inner });
  const segmentCount = Math.max(1, Math.ceil(length / (lanes * elementsPerLane)));
  const last = segmentCount === 1;
  const y = engine.empty([segmentCount, outputCount], x.dtype);
  const slotsPerWorkgroup = rowWorkgroupSize / lanes;
  const workPerSlot = Math.ceil(length / segmentCount) * workPerElement + lanes * 20;
  const extremum = pass.combine === 'maximum' || pass.combine === 'minimum';
  const variant: Variant = {
    conditions: {
      float: x.dtype === 'float32',
      unsigned,
      extremum,
      minimum: pass.combine === 'minimum',
      product: pass.combine === 'product',
      square: pass.map === 'square',
      absolute: pass.map === 'absolute',
      shifted: pass.map === 'shifted',
      nested: reduced.length > 1,
      cooperative: lanes > 1,
      checked: fault !== undefined,
    },
    constants: { LANES: lanes },
  };
  for (const { first, end, work } of workRuns(engine, outputCount * segmentCount, workPerSlot, slotsPerWorkgroup)) {
    const dispatch = {
      uniforms: {
        outputCount,
        segmentCount,
        length,
        ...axisFields('kept', kept),
        ...axisFields('reduced', reduced),
        finish: last ? finishes[pass.finish] : finishes.none,
        divisor,
        minusInfinity: Number.NEGATIVE_INFINITY,
        firstSlot: first,
        endSlot: end,
      },
      workgroups: Math.ceil((end - first) / slotsPerWorkgroup),
      work,
      variant,
    };
    if (fault) engine.run(checkedKernel, { ...dispatch, bindings: { x, shift, y, fault } });
    else engine.run(reduceKernel, { ...dispatch, bindings: { x, shift, y } });
  }
  if (last) return y;
  try {
    return recordPass(engine, y, {
      ...source,
      pass: { ...pass, map: 'none' },
      geometry: {
        kept: outputCount === 1 ? [] : [{ length: outputCount, step: 1 }],
        reduced: [{ length: segmentCount, step: outputCount }],
      },
    });
  } finally {
    y.dispose();
  }
}

/** The shape that is left of `shape` without `axes`. @throws ShapeMismatch for an axis outside of the shape. */
export function reducedShape(shape: Shape, axes: readonly number[], keepAxes = false): Shape {
  const gone = new Set(axes.map((axis) => resolveAxis(axis, shape, 'reduce')));
  return keepAxes
    ? shape.map((length, axis) => (gone.has(axis) ? 1 : length))
    : shape.filter((_, axis) => !gone.has(axis));
}

/**
 * Reduces axes of a tensor on the GPU. Sums are of at most 256 elements at a time, then of such sums. Extrema are exact,
 * and NaN where there is one; integers wrap around at 32 bits, their mean is cut off towards 0. The extremum of nothing is
 * the end of the type's range, infinite for floats; other reductions of nothing are 0, or what 0 gives.
 *
 * @param x float32 of any shape; int32 too (unsigned and checked exclude each other), except for `norm`, `logarithmOfSum` and `logSumExp`.
 * @throws ShapeMismatch for an axis outside of the shape; LimitExceeded where more than four groups of neighbouring axes
 * are kept or reduced, or the tensor is larger than one binding; DisposedTensor
 */
export function reduce<D extends 'float32' | 'int32'>(
  engine: Engine,
  x: Tensor<D>,
  { reduction, axes, keepAxes = false, unsigned = false, checked = false }: ReduceOptions,
  internals: RowInternals = {},
): Tensor<D> {
  const shape = reducedShape(x.shape, axes, keepAxes);
  const reducedAxes = new Set(axes.map((axis) => resolveAxis(axis, x.shape, 'reduce')));
  if (elementCount(shape) === 0) return engine.empty(shape, x.dtype);
  const geometry = geometryOf(x.shape, reducedAxes);
  const divisor = elementCount([...reducedAxes].map((axis) => x.shape[axis] ?? 1));
  const pass = passes[reduction];
  const sums = pass.combine === 'sum' || pass.combine === 'product';
  const fault = checked && x.dtype === 'int32' && sums ? engine.fault(beyond32Bits) : undefined;
  const source = { geometry, divisor, unsigned, fault, internals };
  const shift =
    pass.map === 'shifted' ? recordPass(engine, x, { ...source, pass: passes.maximum, shift: x }) : undefined;
  const result = recordPass(engine, x, { ...source, pass, shift: shift ?? x });
  try {
    return result.reshape(shape);
  } finally {
    result.dispose();
    shift?.dispose();
    fault?.release();
  }
}

function beyond32Bits(output: number): LimitExceeded {
  return new LimitExceeded(
    `The sum or product for element ${output} of a reduction leaves the 32 bits in which the GPU holds integers; make the elements smaller.`,
  );
}
