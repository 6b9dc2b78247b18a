import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { workRuns } from '../gpu/windows.ts';
import { type IntegerKernel, type IntegerProduct, recordIntegerProduct } from './integerProduct.ts';

const combineKernel = declareKernel({
  name: 'gemm/combine',
  uniforms: {
    start: 'u32',
    end: 'u32',
    partCount: 'u32',
    partStride: 'u32',
    rowCount: 'u32',
    columnCount: 'u32',
    first: 'u32',
    rowTermStart: 'u32',
    rowTermBatch: 'u32',
    rowTermStride: 'u32',
    columnTermStart: 'u32',
    columnTermBatch: 'u32',
    columnTermStride: 'u32',
    hasBias: 'u32',
    lower: 'f32',
    upper: 'f32',
  },
  bindings: { partials: 'read', rowTerms: 'read', columnTerms: 'read', bias: 'read', y: 'write' },
});

/** A product whose K is cut into the groups of its operands, each with sums that 32 bits hold. */
export type CutProduct = Omit<IntegerProduct, 'part' | 'scaled' | 'y' | 'yStart'>;

/** Records a product in parts along K: an exact i32 product for each, then their exact totals, scaled to f32. */
export function recordCombination(
  engine: Engine,
  kernel: IntegerKernel,
  product: CutProduct,
  y: Tensor<'float32'>,
): void {
  const { a, b, shape, bias, lower, upper } = product;
  const { groups } = b;
  const { M, N, runs } = shape;
  const partials = engine.allocate(groups.count * y.size * 4);
  for (let index = 0; index < groups.count; index++) {
    const isLast = index === groups.count - 1;
    const depth = isLast ? groups.lastSize : groups.size;
    recordIntegerProduct(engine, kernel, {
      a,
      b,
      shape,
      part: { index, depth, vectors: Math.ceil(depth / 16) },
      lower,
      upper,
      scaled: false,
      y: partials,
      yStart: index * y.size,
    });
  }
  for (const run of runs) {
    for (const { first, end, work } of workRuns(engine, run.count * M * N, groups.count * 4 + 40, 64)) {
      engine.run(combineKernel, {
        uniforms: {
          start: first,
          end,
          partCount: groups.count,
          partStride: y.size,
          rowCount: M,
          columnCount: N,
          first: run.first * M * N,
          rowTermStart: run.aFirst * a.terms.batch,
          rowTermBatch: run.aStep * a.terms.batch,
          rowTermStride: a.terms.row,
          columnTermStart: run.bFirst * b.terms.batch,
          columnTermBatch: run.bStep * b.terms.batch,
          columnTermStride: b.terms.row,
          hasBias: bias ? 1 : 0,
          lower,
          upper,
        },
        bindings: {
          partials,
          rowTerms: a.terms.allocation,
          columnTerms: b.terms.allocation,
          bias: bias ?? b.terms.allocation,
          y,
        },
        workgroups: Math.ceil((end - first) / 64),
        work,
      });
    }
  }
  partials.release();
}
