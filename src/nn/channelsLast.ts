import { ShapeMismatch } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import { layoutOf, type Tensor } from '../gpu/tensor.ts';
import { workRuns } from '../gpu/windows.ts';

const kernel = declareKernel({
  name: 'nn/channelsLast',
  uniforms: {
    start: 'u32',
    end: 'u32',
    channels: 'u32',
    pixels: 'u32',
    width: 'u32',
    channelWords: 'u32',
    widthWords: 'u32',
  },
  bindings: { source: 'read', goal: 'write' },
});

const workPerWord = 60;

/**
 * An 8-bit tensor [batch, channels, …spatial] as [batch, …spatial, channels], the order in which the channels of a pixel
 * lie together, as integer convolutions read them.
 * @throws ShapeMismatch for fewer than three axes; DisposedTensor
 */
export function toChannelsLast<D extends 'int8' | 'uint8'>(engine: Engine, x: Tensor<D>): Tensor<D> {
  const [batch = 0, channels = 0, ...spatial] = assertSpatial(x.shape);
  return move(engine, x, [batch, ...spatial, channels], { channels, spatial, back: false });
}

/** The inverse of `toChannelsLast`. */
export function toChannelsFirst<D extends 'int8' | 'uint8'>(engine: Engine, x: Tensor<D>): Tensor<D> {
  const [batch = 0, ...rest] = assertSpatial(x.shape);
  const spatial = rest.slice(0, -1);
  const channels = rest.at(-1) ?? 0;
  return move(engine, x, [batch, channels, ...spatial], { channels, spatial, back: true });
}

function assertSpatial(shape: Shape): Shape {
  if (shape.length >= 3) return shape;
  throw new ShapeMismatch(
    `A tensor of shape [${shape}] has no channels to move; give one of at least three axes: batch, channels, spatial axes.`,
  );
}

/** The axes of [batch, channels, …spatial] in the order [batch, …spatial, channels]. */
export function channelsLastOrder(rank: number): number[] {
  return [0, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2), 1];
}

/** The axes of [batch, …spatial, channels] in the order [batch, channels, …spatial]. */
export function channelsFirstOrder(rank: number): number[] {
  return [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 1)];
}

/** A shape [batch, channels, …spatial] with its channels last. */
export function channelsLastShape(shape: Shape): number[] {
  return channelsLastOrder(shape.length).map((axis) => shape[axis] ?? 0);
}

interface Moved {
  readonly channels: number;
  readonly spatial: Shape;
  readonly back: boolean;
}

function move<D extends 'int8' | 'uint8'>(
  engine: Engine,
  source: Tensor<D>,
  shape: Shape,
  { channels, spatial, back }: Moved,
): Tensor<D> {
  const goal = engine.empty(shape, source.dtype);
  const width = spatial.at(-1) ?? 1;
  for (const { first, end, work } of workRuns(engine, goal.layout.size / 4, workPerWord, 64)) {
    engine.run(kernel, {
      uniforms: {
        start: first,
        end,
        channels,
        pixels: elementCount(spatial),
        width,
        channelWords: layoutOf([channels], source.dtype).rowBytes / 4,
        widthWords: layoutOf([width], source.dtype).rowBytes / 4,
      },
      bindings: { source, goal },
      workgroups: Math.ceil((end - first) / 64),
      work,
      variant: { conditions: { back } },
    });
  }
  return goal;
}
