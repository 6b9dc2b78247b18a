import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';

const uniforms = { count: 'u32', columnCount: 'u32', rowWords: 'u32' } as const;
const bindings = { source: 'read', goal: 'write' } as const;
const widenKernel = declareKernel({ name: 'quant/convert', entryPoint: 'widen', uniforms, bindings });
const narrowKernel = declareKernel({ name: 'quant/convert', entryPoint: 'narrow', uniforms, bindings });

/** The same integers in 32 bits. */
export function widen(engine: Engine, source: Tensor<'int8' | 'uint8'>): Tensor<'int32'> {
  const goal = engine.empty(source.shape, 'int32');
  const { columnCount, rowBytes } = source.layout;
  engine.run(widenKernel, {
    uniforms: { count: source.size, columnCount, rowWords: rowBytes / 4 },
    bindings: { source, goal },
    workgroups: Math.ceil(source.size / 64),
    work: source.size * 20,
    variant: { conditions: { signed: source.dtype === 'int8' } },
  });
  return goal;
}

/** The same integers in 8 bits, which they must fit. */
export function narrow<D extends 'int8' | 'uint8'>(engine: Engine, source: Tensor<'int32'>, dtype: D): Tensor<D> {
  const goal = engine.empty(source.shape, dtype);
  const { rowCount, columnCount, rowBytes } = goal.layout;
  const count = (rowCount * rowBytes) / 4;
  engine.run(narrowKernel, {
    uniforms: { count, columnCount, rowWords: rowBytes / 4 },
    bindings: { source, goal },
    workgroups: Math.ceil(count / 64),
    work: count * 40,
    variant: { conditions: { signed: dtype === 'int8' } },
  });
  return goal;
}
