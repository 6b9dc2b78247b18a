import { LimitExceeded } from '../../base/errors.ts';
import type { Allocation } from '../../gpu/allocation.ts';
import type { Engine } from '../../gpu/engine.ts';
import type { PointSet } from './pointSet.ts';
import { type PointSource, preparePoints } from './points.ts';

/** Points in one binding, for kernels in which any of them may meet any other. */
export interface WholePoints {
  readonly points: PointSet;
  /** All rows of `points`; released with it. */
  readonly rows: Allocation;
}

/** Brings points into a frame and into one buffer. @throws what `preparePoints` throws, LimitExceeded */
export async function prepareWhole(engine: Engine, source: PointSource, what: string): Promise<WholePoints> {
  const points = await preparePoints(engine, source, what, { partBytes: Number.MAX_SAFE_INTEGER });
  const [part] = points.parts;
  if (part && points.parts.length === 1) return { points, rows: part.points };
  points.release();
  const { rowCount, columnCount } = points;
  throw new LimitExceeded(
    `${what}: ${rowCount} points with ${columnCount} columns do not fit one binding of ${engine.device.limits.maxStorageBufferBindingSize} bytes on this adapter; take fewer points or columns.`,
  );
}
