import { declareKernel } from '../../gpu/kernel.ts';
import type { ClusterState } from './state.ts';

const finishKernel = declareKernel({
  name: 'cluster/finish',
  uniforms: {
    clusterCount: 'u32',
    columnCount: 'u32',
    rowFloats: 'u32',
    counterCount: 'u32',
    fraction: 'i32',
    resumed: 'u32',
    keepSums: 'u32',
    unitExponent: 'i32',
  },
  bindings: {
    exponents: 'read',
    control: 'write',
    counters: 'write',
    sums: 'write',
    counts: 'write',
    centroids: 'write',
  },
});

/** How a round ends: as usual, or after the host has dealt with empty clusters, with or without points moved. */
export type RoundEnd = 'usual' | 'nothingMoved' | 'pointsMoved';

const resumed: Readonly<Record<RoundEnd, number>> = { usual: 0, nothingMoved: 1, pointsMoved: 2 };

/**
 * Records the end of a round: new centroids from the sums, and whether the iteration halts.
 * @param keepSums leave sums and counts as they are, for a next round that only adds what changes; otherwise they are zero
 */
export function recordFinish(state: ClusterState, end: RoundEnd = 'usual', keepSums = false): void {
  const { engine, exponents, control, counters, sums, counts, centroids, clusterCount } = state;
  const { columnCount, rowFloats } = state.points;
  engine.run(finishKernel, {
    uniforms: {
      clusterCount,
      columnCount,
      rowFloats,
      counterCount: state.counterCount,
      fraction: state.fraction,
      resumed: resumed[end],
      keepSums: keepSums ? 1 : 0,
      unitExponent: state.points.frame.exponent,
    },
    bindings: { exponents, control, counters, sums, counts, centroids },
    workgroups: 1,
    work: clusterCount * columnCount * 1000,
    variant: {
      conditions: { cosine: state.cosine },
      constants: { WIDTH: engine.info.software ? 64 : 256 },
    },
  });
}
