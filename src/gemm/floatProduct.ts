import type { Allocation } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import type { Bindable, Kernel, Variant } from '../gpu/kernel.ts';
import { bindingAlignment, windowOf } from '../gpu/windows.ts';
import type { ProductShape } from './batches.ts';
import { planBlocks } from './blocks.ts';

/** The uniforms that all f32 products have: `shaders/shared/floatProduct.wgsl`. */
export const floatProductUniforms = {
  rowStart: 'u32',
  rowEnd: 'u32',
  columnStart: 'u32',
  columnEnd: 'u32',
  batchStart: 'u32',
  depth: 'u32',
  aStart: 'u32',
  aBatch: 'u32',
  aStride: 'u32',
  bStart: 'u32',
  bBatch: 'u32',
  bStride: 'u32',
  yStart: 'u32',
  yBatch: 'u32',
  yStride: 'u32',
  hasBias: 'u32',
  accumulate: 'u32',
  lower: 'f32',
  upper: 'f32',
} as const;

export const floatProductBindings = { a: 'read', b: 'read', bias: 'read', y: 'write' } as const;

/** A kernel of an f32 product and what one workgroup of it makes. */
export interface FloatKernel {
  readonly kernel: Kernel<typeof floatProductUniforms, typeof floatProductBindings>;
  readonly variant: Variant;
  /** Rows and columns of the result that one workgroup makes. */
  readonly tileRows: number;
  readonly tileColumns: number;
}

/** An f32 product of row-major matrices. */
export interface FloatProduct {
  readonly shape: ProductShape;
  readonly a: Allocation;
  readonly b: Allocation;
  /** [N]. */
  readonly bias?: Bindable;
  readonly lower: number;
  readonly upper: number;
  readonly y: Allocation;
}

/** Records an f32 product, in blocks that fit the adapter's bindings and the queue's work budget. */
export function recordFloatProduct(engine: Engine, chosen: FloatKernel, product: FloatProduct): void {
  const { a, b, y, shape } = product;
  const { M, N, K } = shape;
  // Columns of B lie across all of it, so a B beyond one binding is cut along K, and the parts are added up.
  const limit = engine.device.limits.maxStorageBufferBindingSize;
  const rowsOfB = b.size <= limit ? K : Math.max(1, Math.floor((limit - bindingAlignment) / (N * 4)));
  for (const run of shape.runs) {
    const blocks = planBlocks(engine, {
      batchCount: run.count,
      rowCount: M,
      columnCount: N,
      tileRows: chosen.tileRows,
      tileColumns: chosen.tileColumns,
      workPerCell: 2 * K,
      aRowBytes: K * 4,
      bColumnBytes: 0,
      yRowBytes: N * 4,
      whole: { a: a.size, b: b.size, y: y.size },
    });
    for (const block of blocks) {
      const aBytes = (run.aFirst + block.batchStart * run.aStep) * M * K * 4;
      const bBytes = (run.bFirst + block.batchStart * run.bStep) * K * N * 4;
      const yBytes = (run.first + block.batchStart) * M * N * 4;
      const aWindow = windowOf(engine, a, aBytes + block.rowStart * K * 4, aBytes + block.rowEnd * K * 4);
      const yWindow = windowOf(engine, y, yBytes + block.rowStart * N * 4, yBytes + block.rowEnd * N * 4);
      // An empty K still writes zeros and bias.
      for (let kStart = 0; kStart === 0 || kStart < K; kStart += Math.max(1, rowsOfB)) {
        const kEnd = Math.min(kStart + rowsOfB, K);
        const isLast = kEnd === K;
        const bWindow = windowOf(engine, b, bBytes + kStart * N * 4, bBytes + kEnd * N * 4);
        engine.run(chosen.kernel, {
          uniforms: {
            rowStart: block.rowStart,
            rowEnd: block.rowEnd,
            columnStart: block.columnStart,
            columnEnd: block.columnEnd,
            batchStart: 0,
            depth: kEnd - kStart,
            aStart: (aBytes - aWindow.offset) / 4 + kStart,
            aBatch: run.aStep * M * K,
            aStride: K,
            bStart: (bBytes - bWindow.offset) / 4 + kStart * N,
            bBatch: run.bStep * K * N,
            bStride: N,
            yStart: (yBytes - yWindow.offset) / 4,
            yBatch: M * N,
            yStride: N,
            hasBias: product.bias && isLast ? 1 : 0,
            accumulate: kStart > 0 ? 1 : 0,
            lower: isLast ? product.lower : Number.NEGATIVE_INFINITY,
            upper: isLast ? product.upper : Number.POSITIVE_INFINITY,
          },
          bindings: { a: aWindow.view, b: bWindow.view, bias: product.bias ?? bWindow.view, y: yWindow.view },
          workgroups: [
            Math.ceil((block.columnEnd - block.columnStart) / chosen.tileColumns),
            Math.ceil((block.rowEnd - block.rowStart) / chosen.tileRows),
            block.batchCount,
          ],
          work: K === 0 ? 0 : (block.work / K) * (kEnd - kStart),
          variant: chosen.variant,
        });
      }
    }
  }
}
