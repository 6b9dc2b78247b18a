import type { Engine } from '../../gpu/engine.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import type { RecordContext } from '../../graph/operator.ts';
import { move, viewOfTensor } from '../../nn/move.ts';
import { shapeOfView, transposed } from '../../nn/view.ts';

/** Matrices with rows and columns exchanged: [..., M, N] becomes [..., N, M]. */
function transposedMatrices(engine: Engine, x: Tensor<'float32'>): Tensor<'float32'> {
  const last = x.shape.length - 1;
  const axes = [...x.shape.keys()];
  const view = transposed(viewOfTensor(x), [...axes.slice(0, -2), last, last - 1]);
  return move(engine, x, view, shapeOfView(view));
}

/** An input's matrices transposed: kept for the model where the input is constant, made at each run otherwise. */
export function recordTransposed(
  { engine, context, tensor, constant }: RecordContext,
  index: number,
): { readonly tensor: Tensor<'float32'>; release(): void } {
  const transpose = (): Tensor<'float32'> => transposedMatrices(engine, tensor(index) as Tensor<'float32'>);
  if (context.input(index).constant) {
    return { tensor: constant(`input ${index} transposed`, transpose), release: () => undefined };
  }
  const made = transpose();
  return { tensor: made, release: () => made.dispose() };
}
