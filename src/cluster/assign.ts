import { declareKernel } from '../gpu/kernel.ts';
import { workRuns } from '../gpu/windows.ts';
import { fractionBits } from './fixedPoint.ts';
import type { PointPart } from './pointSet.ts';
import type { ClusterState } from './state.ts';

const declaration = {
  uniforms: {
    firstRow: 'u32',
    endRow: 'u32',
    clusterCount: 'u32',
    slot: 'u32',
    forced: 'u32',
    fresh: 'u32',
    factor: 'f32',
    slack: 'f32',
  },
  bindings: {
    points: 'read',
    centroids: 'read',
    norms: 'read',
    control: 'read',
    labels: 'write',
    undecided: 'write',
    counters: 'write',
  },
} as const;

const assignKernel = declareKernel({ name: 'cluster/assign', ...declaration });
const assignWideKernel = declareKernel({ name: 'cluster/assignWide', ...declaration });

const decideKernel = declareKernel({
  name: 'cluster/decide',
  uniforms: {
    first: 'u32',
    end: 'u32',
    clusterCount: 'u32',
    vectors: 'u32',
    slot: 'u32',
    fresh: 'u32',
    fraction: 'i32',
    factor: 'f32',
    slack: 'f32',
  },
  bindings: { points: 'read', centroids: 'read', undecided: 'read', labels: 'write', counters: 'write' },
});

const normsKernel = declareKernel({
  name: 'cluster/norms',
  uniforms: { clusterCount: 'u32', paddedCount: 'u32', vectors: 'u32' },
  bindings: { centroids: 'read', norms: 'write', control: 'write' },
});

/**
 * How scores are computed: `expanded` (|c|² / 2 − x·c) takes half the operations of `direct` (|x − c|²) but is less
 * accurate far from the centre. The labels are the same.
 */
export type ScoreForm = 'expanded' | 'direct';

/** How to assign points. */
export interface AssignOptions {
  readonly form?: ScoreForm;
  /** Assign although the iteration has halted. */
  readonly forced?: boolean;
  /** Former labels do not exist: every label counts as changed. */
  readonly fresh?: boolean;
  /** Which kernel to choose: for a CPU that runs shaders, or for a GPU. Default: as the adapter is. */
  readonly software?: boolean;
  /** Share of the points that f32 left undecided in the last round, if there was one. */
  readonly undecidedShare?: number | undefined;
}

/** Widest rows, in vec4f, whose points fit into registers. */
const registerVectors = 8;

function roundUp(value: number): number {
  return Math.fround(value * (1 + 2 ** -22));
}

/**
 * What the errors of two scores amount to together, at most: `factor` times a base, plus `slack`. A term has up to 3
 * roundings, a sum of d terms d − 1, each of 2⁻²³ (WGSL leaves the direction open) in any order; 8 more cover the second
 * order, the padding and the evaluation of the bound itself. The slack covers flushed denormals, and that exact
 * arithmetic cuts coordinates off at 2^-fraction.
 */
export function errorBounds(columnCount: number): Readonly<Record<ScoreForm | 'slack', number>> {
  const roundings = (columnCount + 8) * 2 ** -23;
  const relative = roundings / (1 - roundings);
  return {
    expanded: roundUp(2 * relative * (1 + 4 * relative)),
    direct: roundUp(2.5 * relative),
    slack: roundUp(columnCount * 2 ** (5 - fractionBits(columnCount))),
  };
}

/** Records the norms of the centroids, from which `recordAssign` takes its scores. */
export function recordNorms(state: ClusterState): void {
  const { engine, centroids, norms, control, clusterCount, paddedCount } = state;
  const vectors = state.points.rowVectors;
  engine.run(normsKernel, {
    uniforms: { clusterCount, paddedCount, vectors },
    bindings: { centroids, norms, control },
    workgroups: 1,
    work: paddedCount * vectors * 8,
    variant: { constants: { WIDTH: engine.info.software ? 64 : 256 } },
  });
}

/** The variant of the assignment kernel for an adapter, and the rows of one of its workgroups. */
function variantFor(state: ClusterState, form: ScoreForm, software: boolean) {
  const vectors = state.points.rowVectors;
  const direct = form === 'direct';
  if (vectors > registerVectors) {
    return {
      kernel: assignWideKernel,
      variant: { conditions: { direct }, constants: { VECTORS: vectors, WIDTH: 64 } },
      rows: 64 * 8,
    };
  }
  // SwiftShader is fastest with eight points a thread and without workgroup memory; a GPU has 255 registers a thread.
  const points8 = software || vectors <= 4;
  const width = software ? 64 : 256;
  const tile = software ? 2 ** 30 : Math.floor(8192 / (vectors * 16 + 4));
  const levels = Array.from({ length: registerVectors - 1 }, (_, index) => index + 2);
  const conditions = Object.fromEntries(levels.map((level) => [`vectors${level}`, vectors >= level]));
  return {
    kernel: assignKernel,
    variant: {
      conditions: { ...conditions, direct, points8, staged: !software },
      constants: { VECTORS: vectors, WIDTH: width, TILE: tile },
    },
    rows: width * (points8 ? 8 : 4),
  };
}

function recordPart(
  state: ClusterState,
  part: PointPart,
  slot: number,
  options: AssignOptions & { readonly form: ScoreForm },
): void {
  const { engine, centroids, norms, control, counters, clusterCount } = state;
  const { columnCount, rowVectors } = state.points;
  const { form } = options;
  const bounds = errorBounds(columnCount);
  const forced = options.forced ? 1 : 0;
  const fresh = options.fresh ? 1 : 0;
  const labels = state.rowsOf(state.labels, part);
  const undecided = state.rowsOf(state.undecided, part);
  const { kernel, variant, rows } = variantFor(state, form, options.software ?? engine.info.software);
  const workPerRow = clusterCount * (rowVectors * (form === 'direct' ? 12 : 8) + 6);
  for (const { first: firstRow, end: endRow, work } of workRuns(engine, part.rowCount, workPerRow, rows)) {
    engine.run(kernel, {
      uniforms: { firstRow, endRow, clusterCount, slot, forced, fresh, factor: bounds[form], slack: bounds.slack },
      bindings: { points: part.points, centroids, norms, control, labels, undecided, counters },
      workgroups: Math.ceil((endRow - firstRow) / rows),
      work,
      variant,
    });
  }
  const width = 64;
  const decisionWork = workPerRow * 4;
  const { undecidedShare } = options;
  // Until it is known how many points are left over, all of them may be: then each dispatch does its share.
  const largestShare = undecidedShare === undefined ? 1 : Math.min(1, 4 * undecidedShare + 1 / 256);
  for (const { first, end } of workRuns(engine, part.rowCount, decisionWork * largestShare, width)) {
    engine.run(decideKernel, {
      uniforms: {
        first,
        end,
        clusterCount,
        vectors: rowVectors,
        slot,
        fresh,
        fraction: state.fraction,
        factor: bounds.direct,
        slack: bounds.slack,
      },
      bindings: { points: part.points, centroids, undecided, labels, counters },
      workgroups: Math.min(engine.info.software ? 16 : 1024, Math.ceil((end - first) / width)),
      work: (end - first) * decisionWork * (undecidedShare ?? 0),
      variant: { constants: { WIDTH: width } },
    });
  }
}

/**
 * Records the assignment of every point to its nearest centroid, the lowest index winning ties: in f32 where the margin
 * is beyond the error bound, else exactly in 128-bit integers. The labels follow from the bits of points and centroids
 * alone. Needs `recordNorms`.
 */
export function recordAssign(state: ClusterState, options: AssignOptions = {}): void {
  const all = { form: 'expanded', forced: false, fresh: false, ...options } as const;
  state.points.parts.forEach((part, index) => {
    recordPart(state, part, index + 1, all);
  });
}
