import type { Allocation } from '../../gpu/allocation.ts';
import { declareKernel } from '../../gpu/kernel.ts';
import type { PointSet } from './pointSet.ts';

const gatherKernel = declareKernel({
  name: 'cluster/gather',
  uniforms: { firstRow: 'u32', rowCount: 'u32', count: 'u32', rowFloats: 'u32' },
  bindings: { points: 'read', rows: 'read', chosen: 'write' },
});

const width = 64;

/** Records the copy of the points with the given numbers to consecutive rows of `chosen`, from its first on. */
export function recordGather(points: PointSet, rows: readonly number[], chosen: Allocation): void {
  const { engine, rowFloats } = points;
  const numbers = engine.allocate(rows.length * 4);
  engine.upload(numbers, new Uint8Array(Uint32Array.from(rows).buffer));
  for (const { firstRow, rowCount, points: source } of points.parts) {
    engine.run(gatherKernel, {
      uniforms: { firstRow, rowCount, count: rows.length, rowFloats },
      bindings: { points: source, rows: numbers, chosen },
      workgroups: Math.ceil((rows.length * rowFloats) / width),
      work: rows.length * rowFloats * 8,
      variant: { constants: { WIDTH: width } },
    });
  }
  numbers.release();
}

/** Reads the points with the given numbers: rows of rowFloats in the frame. */
export async function readRows(points: PointSet, rows: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
  const size = rows.length * points.rowFloats * 4;
  const chosen = points.engine.allocate(size);
  try {
    recordGather(points, rows, chosen);
    return new Float32Array(await points.engine.readBytes(chosen, size));
  } finally {
    chosen.release();
  }
}
