import { ShapeMismatch } from '../base/errors.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';

const gridSampleKernel = declareKernel({
  name: 'nn/gridSample',
  uniforms: {
    count: 'u32',
    channels: 'u32',
    height: 'i32',
    width: 'i32',
    goalSize: 'u32',
    aligned: 'u32',
    padding: 'u32',
  },
  bindings: { source: 'read', grid: 'read', goal: 'write' },
});

/** How an image is sampled between its elements and beyond its ends. */
export interface GridSampleOptions {
  readonly mode: 'nearest' | 'linear' | 'cubic';
  /** What stands beyond the ends: zero, the nearest element, or the mirror image. */
  readonly padding: 'zeros' | 'border' | 'reflection';
  /** Whether −1 and 1 are the middles of the outer elements, not their outer edges. */
  readonly aligned: boolean;
}

const paddings = { zeros: 0, border: 1, reflection: 2 } as const;

/**
 * Images sampled at the places that a grid names.
 * @param source [batches, channels, height, width]
 * @param grid [batches, rows, columns, 2]: x and y from −1 to 1.
 * @returns [batches, channels, rows, columns]
 * @throws ShapeMismatch
 */
export function gridSample(
  engine: Engine,
  source: Tensor<'float32'>,
  grid: Tensor<'float32'>,
  { mode, padding, aligned }: GridSampleOptions,
): Tensor<'float32'> {
  const [batches = 0, channels = 0, height = 0, width = 0] = source.shape;
  const [gridBatches, rows = 0, columns = 0, two] = grid.shape;
  if (source.shape.length !== 4 || grid.shape.length !== 4 || gridBatches !== batches || two !== 2) {
    throw new ShapeMismatch(
      `A grid of shape [${grid.shape}] does not sample images of shape [${source.shape}]; use [batches, rows, columns, 2] and [batches, channels, height, width].`,
    );
  }
  const goal = engine.empty([batches, channels, rows, columns], 'float32');
  engine.run(gridSampleKernel, {
    uniforms: {
      count: goal.size,
      channels,
      height,
      width,
      goalSize: rows * columns,
      aligned: Number(aligned),
      padding: paddings[padding],
    },
    bindings: { source, grid, goal },
    workgroups: Math.ceil(goal.size / 64),
    work: goal.size * (mode === 'cubic' ? 400 : 120),
    variant: { conditions: { nearest: mode === 'nearest', cubic: mode === 'cubic' } },
  });
  return goal;
}
