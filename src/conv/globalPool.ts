import { elementCount } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';

const kernel = declareKernel({
  name: 'conv/globalPool',
  uniforms: { planeStart: 'u32', planeEnd: 'u32', size: 'u32', exponent: 'f32' },
  bindings: { x: 'read', y: 'write' },
});

/** What is taken of each plane: `power` is the root of the sum of powers of the given exponent, above 0. */
export type GlobalPooling = 'mean' | 'maximum' | { readonly exponent: number };

/**
 * One number for each batch and channel of x [batch, channels, …spatial], whose planes are not empty.
 * @param lanes invocations that share a plane; by the adapter unless given
 * @returns [batch, channels, 1 for each spatial axis]
 */
export function globalPool(
  engine: Engine,
  x: Tensor<'float32'>,
  pooling: GlobalPooling,
  lanes: 1 | 64 = engine.info.software ? 1 : 64,
): Tensor<'float32'> {
  const [batchCount = 0, channels = 0, ...spatial] = x.shape;
  const y = engine.empty([batchCount, channels, ...spatial.map(() => 1)], 'float32');
  const size = elementCount(spatial);
  const power = typeof pooling === 'object';
  const conditions = { power, maximum: pooling === 'maximum', cooperative: lanes > 1 };
  const step = Math.max(1, Math.floor(engine.workBudget / (4 * size)));
  for (let planeStart = 0; planeStart < y.size; planeStart += step) {
    const planeEnd = Math.min(planeStart + step, y.size);
    engine.run(kernel, {
      uniforms: { planeStart, planeEnd, size, exponent: power ? pooling.exponent : 1 },
      bindings: { x, y },
      workgroups: Math.ceil(((planeEnd - planeStart) * lanes) / 64),
      work: (planeEnd - planeStart) * size * 4,
      variant: { conditions, constants: { LANES: lanes } },
    });
  }
  return y;
}
