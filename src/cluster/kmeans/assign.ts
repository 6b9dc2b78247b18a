import type { Allocation } from '../../gpu/allocation.ts';
import { declareKernel } from '../../gpu/kernel.ts';
import { workRuns } from '../../gpu/windows.ts';
import { fractionBits } from '../points/fixedPoint.ts';
import type { PointPart } from '../points/pointSet.ts';
import { recordAssignInt8 } from './assignInt8.ts';
import type { QuantizedPoints } from './quantizeRows.ts';
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
const wideDeclaration = { ...declaration, uniforms: { ...declaration.uniforms, listedSlot: 'u32' } } as const;
const assignWideKernel = declareKernel({ name: 'cluster/assignWide', ...wideDeclaration });
const assignListedKernel = declareKernel({
  name: 'cluster/assignWide',
  ...wideDeclaration,
  bindings: { ...declaration.bindings, listed: 'read' },
});

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
  /** Codes that assign the points they are certain of; f32 assigns only the others. Default: none. */
  readonly quantized?: QuantizedPoints | undefined;
  /** Share of the points that the codes left to f32 in the last round, if there was one. */
  readonly recheckedShare?: number | undefined;
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

/** The variant of the kernel for narrow rows on an adapter, and the rows of one of its workgroups. */
function narrowVariant(vectors: number, direct: boolean, software: boolean) {
  // SwiftShader is fastest with eight points a thread and without workgroup memory; a GPU has 255 registers a thread.
  const points8 = software || vectors <= 4;
  const width = software ? 64 : 256;
  const tile = software ? 2 ** 30 : Math.floor(8192 / (vectors * 16 + 4));
  const levels = Array.from({ length: registerVectors - 1 }, (_, index) => index + 2);
  const conditions = Object.fromEntries(levels.map((level) => [`vectors${level}`, vectors >= level]));
  return {
    variant: {
      conditions: { ...conditions, direct, points8, staged: !software },
      constants: { VECTORS: vectors, WIDTH: width, TILE: tile },
    },
    rows: width * (points8 ? 8 : 4),
  };
}

/** One part of the points, and how it is assigned. */
interface PartWork extends AssignOptions {
  readonly part: PointPart;
  /** Counter of the points left to exact arithmetic. */
  readonly slot: number;
  readonly form: ScoreForm;
}

function scoreWork(state: ClusterState, form: ScoreForm): number {
  return state.clusterCount * (state.points.rowVectors * (form === 'direct' ? 12 : 8) + 6);
}

/**
 * Records scores in f32: of all points, or of the listed ones, which counter `listedSlot` counts. Until it is known which
 * share of the points that is, it may be all of them: then each dispatch does no more than its share.
 */
function recordScores(
  state: ClusterState,
  { part, slot, form, forced, fresh, software = state.engine.info.software }: PartWork,
  only?: { readonly listed: Allocation; readonly listedSlot: number; readonly share: number | undefined },
): void {
  const { engine, centroids, norms, control, counters, clusterCount } = state;
  const { columnCount, rowVectors } = state.points;
  const bounds = errorBounds(columnCount);
  const direct = form === 'direct';
  const shared = { clusterCount, slot, forced: forced ? 1 : 0, fresh: fresh ? 1 : 0 };
  const limits = { factor: bounds[form], slack: bounds.slack };
  const labels = state.rowsOf(state.labels, part);
  const undecided = state.rowsOf(state.undecided, part);
  const bindings = { points: part.points, centroids, norms, control, labels, undecided, counters };
  const workPerRow = scoreWork(state, form);
  if (!only && rowVectors <= registerVectors) {
    const { variant, rows } = narrowVariant(rowVectors, direct, software);
    for (const { first: firstRow, end: endRow, work } of workRuns(engine, part.rowCount, workPerRow, rows)) {
      const workgroups = Math.ceil((endRow - firstRow) / rows);
      engine.run(assignKernel, {
        uniforms: { firstRow, endRow, ...shared, ...limits },
        bindings,
        workgroups,
        work,
        variant,
      });
    }
    return;
  }
  const rows = 64 * 8;
  const variant = {
    conditions: { direct, relisted: only !== undefined },
    constants: { VECTORS: rowVectors, WIDTH: 64 },
  };
  const largestWork = workPerRow * (only ? largestShare(only.share) : 1);
  for (const { first: firstRow, end: endRow } of workRuns(engine, part.rowCount, largestWork, rows)) {
    const uniforms = { firstRow, endRow, ...shared, ...limits, listedSlot: only?.listedSlot ?? 0 };
    const workgroups = Math.ceil((endRow - firstRow) / rows);
    const work = (endRow - firstRow) * workPerRow * (only ? (only.share ?? 0) : 1);
    if (only) {
      const listing = { ...bindings, listed: only.listed };
      engine.run(assignListedKernel, { uniforms, bindings: listing, workgroups, work, variant });
    } else {
      engine.run(assignWideKernel, { uniforms, bindings, workgroups, work, variant });
    }
  }
}

/** The share of a list's places that may be taken where the last round took `share` of them. */
function largestShare(share: number | undefined): number {
  return share === undefined ? 1 : Math.min(1, 4 * share + 1 / 256);
}

/** Records the exact labels of the points that f32 has left undecided. */
function recordDecide(state: ClusterState, { part, slot, form, fresh, undecidedShare }: PartWork): void {
  const { engine, centroids, counters, clusterCount, fraction } = state;
  const { columnCount, rowVectors: vectors } = state.points;
  const { direct: factor, slack } = errorBounds(columnCount);
  const labels = state.rowsOf(state.labels, part);
  const undecided = state.rowsOf(state.undecided, part);
  const width = 64;
  const decisionWork = scoreWork(state, form) * 4;
  for (const { first, end } of workRuns(engine, part.rowCount, decisionWork * largestShare(undecidedShare), width)) {
    engine.run(decideKernel, {
      uniforms: { first, end, clusterCount, vectors, slot, fresh: fresh ? 1 : 0, fraction, factor, slack },
      bindings: { points: part.points, centroids, undecided, labels, counters },
      workgroups: Math.min(engine.info.software ? 16 : 1024, Math.ceil((end - first) / width)),
      work: (end - first) * decisionWork * (undecidedShare ?? 0),
      variant: { constants: { WIDTH: width } },
    });
  }
}

/**
 * Records the assignment of every point to its nearest centroid, the lowest index winning ties: in 8 bits where codes are
 * given and certain, in f32 where the margin is beyond the error bound, else exactly in 128-bit integers. The labels
 * follow from the bits of points and centroids alone, whichever of these decides. Needs `recordNorms`.
 */
export function recordAssign(state: ClusterState, options: AssignOptions = {}): void {
  const { form = 'expanded', forced = false, fresh = false, quantized, recheckedShare: share } = options;
  const { parts } = state.points;
  quantized?.recordCentroids();
  parts.forEach((part, index) => {
    const work: PartWork = { ...options, part, slot: index + 1, form };
    const made = quantized?.parts[index];
    if (quantized && made) {
      const listedSlot = 1 + parts.length + index;
      recordAssignInt8(state, quantized, index, { slot: listedSlot, forced, fresh });
      recordScores(state, work, { listed: made.listed, listedSlot, share });
    } else {
      recordScores(state, work);
    }
    recordDecide(state, work);
  });
}
