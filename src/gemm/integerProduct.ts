import type { Allocation } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import type { Bindable, Kernel, Variant } from '../gpu/kernel.ts';
import { windowOf } from '../gpu/windows.ts';
import type { ProductShape } from './batches.ts';
import { planBlocks } from './blocks.ts';
import type { Operand } from './operand.ts';

/** The uniforms that all integer products have: `shaders/shared/integerProduct.wgsl`. */
export const integerProductUniforms = {
  rowStart: 'u32',
  rowEnd: 'u32',
  columnStart: 'u32',
  columnEnd: 'u32',
  batchStart: 'u32',
  rowVectors: 'u32',
  vectorStart: 'u32',
  vectorCount: 'u32',
  depth: 'u32',
  groupCount: 'u32',
  groupVectors: 'u32',
  lastGroupDepth: 'u32',
  flip: 'u32',
  aStart: 'u32',
  aBatch: 'u32',
  bStart: 'u32',
  bBatch: 'u32',
  rowTermStart: 'u32',
  rowTermBatch: 'u32',
  rowTermStride: 'u32',
  rowTermGroup: 'u32',
  columnTermStart: 'u32',
  columnTermBatch: 'u32',
  columnTermStride: 'u32',
  yStart: 'u32',
  yBatch: 'u32',
  yStride: 'u32',
  scaled: 'u32',
  hasBias: 'u32',
  lower: 'f32',
  upper: 'f32',
} as const;

export const integerProductBindings = {
  a: 'read',
  b: 'read',
  rowTerms: 'read',
  columnTerms: 'read',
  bias: 'read',
  y: 'write',
} as const;

/** A kernel of an integer product and what one workgroup of it makes. */
export interface IntegerKernel {
  readonly kernel: Kernel<typeof integerProductUniforms, typeof integerProductBindings>;
  readonly variant: Variant;
  /** Rows and columns of the result that one workgroup makes. */
  readonly tileRows: number;
  readonly tileColumns: number;
}

/** An integer product of codes that are on the GPU in the form that the kernels read. */
export interface IntegerProduct {
  readonly a: Operand;
  readonly b: Operand;
  readonly shape: ProductShape;
  /** The part of K that is multiplied; all of it unless given. */
  readonly part?: { readonly index: number; readonly vectors: number; readonly depth: number };
  /** [N], f32 for scaled results, else i32. */
  readonly bias?: Bindable;
  /** True for an f32 result with the scales applied, false for the i32 sums. */
  readonly scaled: boolean;
  /** Bounds of an f32 result. */
  readonly lower: number;
  readonly upper: number;
  /** Where the result goes: [batch][M][N], from this element on. */
  readonly y: Allocation;
  readonly yStart: number;
}

/** Sixteen codes. */
const vectorBytes = 16;

/** Records an integer product, in blocks that fit the adapter's bindings and the queue's work budget. */
export function recordIntegerProduct(engine: Engine, chosen: IntegerKernel, product: IntegerProduct): void {
  const { a, b, part, y } = product;
  const { M, N, runs } = product.shape;
  const { groups } = b;
  const vectorCount = part?.vectors ?? b.rowVectors;
  const depth = part?.depth ?? b.depth;
  const grouped = groups.count > 1 && part === undefined;
  const rowBytes = b.rowVectors * vectorBytes;
  for (const run of runs) {
    const blocks = planBlocks(engine, {
      batchCount: run.count,
      rowCount: M,
      columnCount: N,
      tileRows: chosen.tileRows,
      tileColumns: chosen.tileColumns,
      workPerCell: 2 * vectorCount * vectorBytes,
      aRowBytes: rowBytes,
      bColumnBytes: rowBytes,
      yRowBytes: N * 4,
      whole: { a: a.byteCount, b: b.byteCount, y: y.size },
    });
    for (const block of blocks) {
      // One batch at a time where a matrix is bound in parts: then these are the block's own.
      const aBatch = run.aFirst + block.batchStart * run.aStep;
      const bBatch = run.bFirst + block.batchStart * run.bStep;
      const yBatch = run.first + block.batchStart;
      const aBytes = aBatch * M * rowBytes;
      const bBytes = bBatch * N * rowBytes;
      const yBytes = (product.yStart + yBatch * M * N) * 4;
      const aWindow = windowOf(engine, a.codes, aBytes + block.rowStart * rowBytes, aBytes + block.rowEnd * rowBytes);
      const bWindow = windowOf(
        engine,
        b.codes,
        bBytes + block.columnStart * rowBytes,
        bBytes + block.columnEnd * rowBytes,
      );
      const yWindow = windowOf(engine, y, yBytes + block.rowStart * N * 4, yBytes + block.rowEnd * N * 4);
      engine.run(chosen.kernel, {
        uniforms: {
          rowStart: block.rowStart,
          rowEnd: block.rowEnd,
          columnStart: block.columnStart,
          columnEnd: block.columnEnd,
          batchStart: 0,
          rowVectors: b.rowVectors,
          vectorStart: part ? part.index * groups.vectors : 0,
          vectorCount,
          depth: grouped ? groups.size : depth,
          groupCount: grouped ? groups.count : 1,
          groupVectors: groups.vectors,
          lastGroupDepth: groups.lastSize,
          flip: a.flip,
          aStart: (aBytes - aWindow.offset) / vectorBytes,
          aBatch: run.aStep * M * b.rowVectors,
          bStart: (bBytes - bWindow.offset) / vectorBytes,
          bBatch: run.bStep * N * b.rowVectors,
          rowTermStart: aBatch * a.terms.batch + (part ? part.index * a.terms.group : 0),
          rowTermBatch: run.aStep * a.terms.batch,
          rowTermStride: a.terms.row,
          rowTermGroup: a.terms.group,
          columnTermStart: bBatch * b.terms.batch + (part ? part.index * b.terms.group : 0),
          columnTermBatch: run.bStep * b.terms.batch,
          columnTermStride: b.terms.row,
          yStart: (yBytes - yWindow.offset) / 4,
          yBatch: M * N,
          yStride: N,
          scaled: product.scaled ? 1 : 0,
          hasBias: product.bias ? 1 : 0,
          lower: product.lower,
          upper: product.upper,
        },
        bindings: {
          a: aWindow.view,
          b: bWindow.view,
          rowTerms: a.terms.allocation,
          columnTerms: b.terms.allocation,
          bias: product.bias ?? b.terms.allocation,
          y: yWindow.view,
        },
        workgroups: [
          Math.ceil((block.columnEnd - block.columnStart) / chosen.tileColumns),
          Math.ceil((block.rowEnd - block.rowStart) / chosen.tileRows),
          block.batchCount,
        ],
        work: block.work,
        variant: { ...chosen.variant, conditions: { ...chosen.variant.conditions, grouped } },
      });
    }
  }
}
