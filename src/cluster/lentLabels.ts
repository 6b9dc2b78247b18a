import { Allocation } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import { Tensor } from '../gpu/tensor.ts';

/**
 * Lends labels of `rowCount` points, which lie on the GPU or are sent there, as a tensor that is disposed of once `use` has
 * settled. Work that `use` has recorded by then keeps their memory.
 */
export async function lendLabels(
  engine: Engine,
  labels: Allocation | Int32Array<ArrayBuffer>,
  rowCount: number,
  use: (labels: Tensor<'int32'>) => void | Promise<void>,
): Promise<void> {
  const isThere = labels instanceof Allocation;
  if (isThere) labels.retain();
  const lent = isThere ? new Tensor(engine, labels, [rowCount], 'int32') : engine.tensor(labels, [rowCount]);
  try {
    await use(lent);
  } finally {
    lent.dispose();
  }
}
