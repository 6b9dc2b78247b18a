import type { Allocation, BufferView } from '../../gpu/allocation.ts';
import type { Engine } from '../../gpu/engine.ts';
import { declareKernel } from '../../gpu/kernel.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { workRuns } from '../../gpu/windows.ts';
import { centreNear, exponentAbove, type Frame, frameExponent, reach } from './frame.ts';
import {
  fixedPointExponents,
  nonFinite,
  type PointPart,
  PointSet,
  type PreparationOptions,
  partRows,
} from './pointSet.ts';

const rangesKernel = declareKernel({
  name: 'cluster/ranges',
  uniforms: { firstRow: 'u32', endRow: 'u32', columnCount: 'u32', rowStep: 'u32' },
  bindings: { x: 'read', ranges: 'write', fault: 'write' },
});

const centerKernel = declareKernel({
  name: 'cluster/center',
  uniforms: {
    firstRow: 'u32',
    endRow: 'u32',
    columnCount: 'u32',
    rowFloats: 'u32',
    rangeExponent: 'i32',
    frameExponent: 'i32',
  },
  bindings: { x: 'read', centres: 'read', points: 'write' },
});

const momentsKernel = declareKernel({
  name: 'cluster/moments',
  uniforms: { firstRow: 'u32', endRow: 'u32', columnCount: 'u32', rowFloats: 'u32', rowStep: 'u32' },
  bindings: { points: 'read', scales: 'read', moments: 'write' },
});

interface Shape {
  readonly rowCount: number;
  readonly columnCount: number;
}

interface Range {
  readonly minimum: Float32Array;
  readonly maximum: Float32Array;
}

const width = 64;
const variant = { constants: { WIDTH: width } };

/** Threads a column: enough to keep the adapter busy. */
function rowStepOf(engine: Engine, columnCount: number): number {
  return Math.max(1, Math.ceil((engine.info.software ? 1024 : 262_144) / columnCount));
}

/** The rows of the tensor that make a part. */
function partOf(allocation: Allocation, firstRow: number, rowCount: number, columnCount: number): BufferView {
  return { allocation, offset: firstRow * columnCount * 4, size: rowCount * columnCount * 4 };
}

function* partsOf(engine: Engine, { rowCount, columnCount }: Shape, partBytes: number | undefined) {
  const step = partRows(engine, columnCount, partBytes);
  for (let firstRow = 0; firstRow < rowCount; firstRow += step) {
    yield { firstRow, rowCount: Math.min(step, rowCount - firstRow) };
  }
}

function floatOfKey(key: number): number {
  const bits = key >>> 31 === 1 ? key & 0x7fffffff : ~key;
  return new Float32Array(Int32Array.of(bits).buffer)[0] ?? 0;
}

async function readRanges(
  engine: Engine,
  x: Allocation,
  shape: Shape,
  what: string,
  partBytes: number | undefined,
): Promise<Range> {
  const { columnCount } = shape;
  const ranges = engine.allocate(columnCount * 8);
  try {
    engine.clear(ranges);
    for (const part of partsOf(engine, shape, partBytes)) {
      const rowStep = rowStepOf(engine, columnCount);
      const fault = engine.fault((index) => nonFinite(what, part.firstRow * columnCount + index, columnCount));
      for (const { first: firstRow, end: endRow, work } of workRuns(engine, part.rowCount, columnCount * 8, 1)) {
        engine.run(rangesKernel, {
          uniforms: { firstRow, endRow, columnCount, rowStep },
          bindings: { x: partOf(x, part.firstRow, part.rowCount, columnCount), ranges, fault },
          workgroups: Math.ceil((columnCount * rowStep) / width),
          work,
          variant,
        });
      }
      fault.release();
    }
    const keys = new Uint32Array(await engine.readBytes(ranges, columnCount * 8));
    return {
      maximum: Float32Array.from(keys.subarray(0, columnCount), floatOfKey),
      minimum: Float32Array.from(keys.subarray(columnCount), (key) => floatOfKey(~key >>> 0)),
    };
  } finally {
    ranges.release();
  }
}

/** The smallest exponent whose power of two is above every value and every centre. */
function rangeExponentOf({ minimum, maximum }: Range, centre: Float64Array): number {
  let largest = 0;
  for (const values of [minimum, maximum, centre])
    for (const value of values) largest = Math.max(largest, Math.abs(value));
  return exponentAbove(largest);
}

/** Bits after the point of coordinates below 1, as in `shaders/cluster/center.wgsl`. */
const centerFraction = 60;

function recordCenter(
  engine: Engine,
  source: BufferView,
  centres: Allocation,
  part: PointPart,
  exponents: { readonly rangeExponent: number; readonly frameExponent: number },
): void {
  const columnCount = source.size / 4 / part.rowCount;
  const rowFloats = Math.ceil(columnCount / 4) * 4;
  const workPerRow = rowFloats * 60;
  for (const { first: firstRow, end: endRow, work } of workRuns(engine, part.rowCount, workPerRow, 1)) {
    engine.run(centerKernel, {
      uniforms: { firstRow, endRow, columnCount, rowFloats, ...exponents },
      bindings: { x: source, centres, points: part.points },
      workgroups: Math.ceil(((endRow - firstRow) * rowFloats) / width),
      work,
      variant,
    });
  }
}

/** Mean over the columns of their population variance, from exact moments. */
async function readMeanVariance(
  engine: Engine,
  parts: readonly PointPart[],
  { rowCount, columnCount }: Shape,
  exponents: Int32Array,
): Promise<number> {
  const scales = engine.allocate(columnCount * 4);
  const moments = engine.allocate(columnCount * 24);
  try {
    engine.upload(scales, new Uint8Array(Float32Array.from(exponents, (exponent) => 2 ** exponent).buffer));
    engine.clear(moments);
    const rowStep = rowStepOf(engine, columnCount);
    const rowFloats = Math.ceil(columnCount / 4) * 4;
    for (const part of parts) {
      for (const { first: firstRow, end: endRow, work } of workRuns(engine, part.rowCount, columnCount * 30, 1)) {
        engine.run(momentsKernel, {
          uniforms: { firstRow, endRow, columnCount, rowFloats, rowStep },
          bindings: { points: part.points, scales, moments },
          workgroups: Math.ceil((columnCount * rowStep) / width),
          work,
          variant,
        });
      }
    }
    const words = await engine.readBytes(moments, columnCount * 24);
    const sums = new BigInt64Array(words);
    const squares = new BigUint64Array(words);
    const count = BigInt(rowCount);
    let total = 0;
    for (let column = 0; column < columnCount; column++) {
      const sum = sums[column * 3] ?? 0n;
      const square = (squares[column * 3 + 1] ?? 0n) + ((squares[column * 3 + 2] ?? 0n) << 32n);
      total += Number(count * square - sum * sum) / rowCount ** 2 / 4 ** (exponents[column] ?? 0);
    }
    return total / columnCount;
  } finally {
    scales.release();
    moments.release();
  }
}

/**
 * Brings the rows of a tensor into a frame, whose centre is near the middle of each column's range unless given. The tensor
 * is read in place and left as it is.
 */
export async function prepareTensor(
  engine: Engine,
  source: Tensor<'float32'>,
  shape: Shape,
  what: string,
  options: PreparationOptions,
): Promise<PointSet> {
  const { columnCount } = shape;
  const x = source.allocation;
  const parts: PointPart[] = [];
  x.retain();
  try {
    const range = await readRanges(engine, x, shape, what, options.partBytes);
    const centre =
      options.frame?.centre ??
      Float64Array.from(range.minimum, (low, column) => {
        const high = range.maximum[column] ?? 0;
        return centreNear((low + high) / 2, low, high);
      });
    const largest = centre.map((middle, column) =>
      Math.max((range.maximum[column] ?? 0) - middle, middle - (range.minimum[column] ?? 0)),
    );
    const farthest = Math.max(
      largest.reduce((a, b) => Math.max(a, b)),
      options.include ? reach(options.include, centre) : 0,
    );
    const exponent = Math.min(frameExponent(farthest), options.frame?.exponent ?? Number.POSITIVE_INFINITY);
    const frame: Frame = { centre, exponent };
    const rangeExponent = rangeExponentOf(range, centre);
    const centres = engine.allocate(columnCount * 8);
    try {
      const fixed = BigInt64Array.from(centre, (middle) =>
        BigInt(Math.trunc(middle * 2 ** (centerFraction - rangeExponent))),
      );
      engine.upload(centres, new Uint8Array(fixed.buffer));
      for (const { firstRow, rowCount } of partsOf(engine, shape, options.partBytes)) {
        const points = engine.allocate(rowCount * Math.ceil(columnCount / 4) * 16);
        const part = { firstRow, rowCount, points };
        parts.push(part);
        const view = partOf(x, firstRow, rowCount, columnCount);
        recordCenter(engine, view, centres, part, { rangeExponent, frameExponent: exponent });
      }
    } finally {
      centres.release();
    }
    const scaled = largest.map((distance) => distance * 2 ** exponent);
    const meanVariance = await readMeanVariance(engine, parts, shape, fixedPointExponents(scaled));
    return new PointSet(engine, shape, { frame, largest: scaled, meanVariance }, parts);
  } catch (error) {
    for (const { points } of parts) points.release();
    throw error;
  } finally {
    x.release();
  }
}
