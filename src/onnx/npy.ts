/** Tensors of models as `.npy` files. */
import { InvalidInput } from '../base/errors.ts';
import { type ElementType, type HostTensor, hostArray, integerRange } from '../graph/hostTensor.ts';
import { type NpyData, type NpyDtype, readNpy, writeNpy } from '../io/npy.ts';
import { safeInteger } from './tensor.ts';

/** NumPy has no integers below 8 bits: they are kept in 8. */
function npyDtype(elementType: ElementType): NpyDtype {
  if (elementType === 'int4' || elementType === 'int2') return 'int8';
  if (elementType === 'uint4' || elementType === 'uint2') return 'uint8';
  return elementType;
}

/** A tensor as a `.npy` file of its own element type; integers of 2 and 4 bits as those of 8. */
export function tensorToNpy({ elementType, shape, data }: HostTensor): Uint8Array<ArrayBuffer> {
  return writeNpy({ shape, dtype: npyDtype(elementType), data: npyData(elementType, data) });
}

function npyData(elementType: ElementType, data: HostTensor['data']): NpyData {
  if (elementType === 'int64') return BigInt64Array.from(data, BigInt);
  if (elementType === 'uint64') return BigUint64Array.from(data, BigInt);
  return data.slice();
}

/**
 * The tensor in a `.npy` file.
 *
 * @param elementType what it must be; that of the file unless given
 * @param what names it in errors
 * @throws InvalidInput for a damaged file, another type, NaN, or an integer out of the range of 2 or 4 bits; LimitExceeded for a
 * 64-bit integer beyond ±(2⁵³ − 1)
 */
export function tensorFromNpy(bytes: Uint8Array, elementType: ElementType | undefined, what: string): HostTensor {
  const { dtype, shape, data: stored } = readNpy(bytes);
  const wanted = elementType ?? dtype;
  if (dtype !== npyDtype(wanted)) {
    throw new InvalidInput(
      `${what} is ${dtype}, but the model takes ${wanted}. Convert it with numpy.astype('${npyDtype(wanted)}').`,
    );
  }
  const data = hostArray(wanted, stored.length);
  for (let index = 0; index < stored.length; index++) {
    const item = stored[index] ?? 0;
    const value = typeof item === 'bigint' ? safeInteger(item, what) : item;
    data[index] = wanted === 'bool' ? Number(value !== 0) : value;
  }
  assertNoNaN(data, what);
  const [least, greatest] = integerRange(wanted) ?? [];
  const wrong =
    least === undefined || greatest === undefined ? -1 : data.findIndex((value) => value < least || value > greatest);
  if (wrong >= 0) {
    throw new InvalidInput(
      `${what}: element ${wrong} is ${data[wrong]}, but ${wanted} goes from ${least} to ${greatest}. Change it.`,
    );
  }
  return { elementType: wanted, shape, data };
}

/** @throws InvalidInput for a NaN: models make nothing but NaN of it */
function assertNoNaN(data: HostTensor['data'], what: string): void {
  const place = data.findIndex(Number.isNaN);
  if (place >= 0) {
    throw new InvalidInput(
      `${what}: element ${place} is NaN, of which nothing can be computed. Replace it by a number.`,
    );
  }
}
