import { type ArrayOf, bytesOf, type DType, type TensorData, viewAs } from '../base/dtype.ts';
import { DisposedTensor, InvalidInput, ShapeMismatch } from '../base/errors.ts';
import { assertShape, elementCount, type Shape } from '../base/shape.ts';
import type { Allocation } from './allocation.ts';

/** What a tensor needs of its engine. */
export interface TensorReader {
  readBytes(allocation: Allocation, size: number): Promise<ArrayBuffer>;
}

/** How the elements of a tensor lie in memory: rows along the last axis, each `rowBytes` long. */
export interface Layout {
  /** Product of all axes but the last; 1 for a scalar. */
  readonly rowCount: number;
  /** Length of the last axis; 1 for a scalar. */
  readonly columnCount: number;
  /** Bytes from one row to the next. Rows of 8-bit elements are padded with zeros to a multiple of 16 bytes. */
  readonly rowBytes: number;
  /** Bytes in all. */
  readonly size: number;
}

/** The layout that tensors of this shape and type have. */
export function layoutOf(shape: Shape, dtype: DType): Layout {
  const columnCount = shape.at(-1) ?? 1;
  const rowCount = elementCount(shape.slice(0, -1));
  const width = bytesOf(dtype);
  const rowBytes = width === 1 ? Math.ceil(columnCount / 16) * 16 : columnCount * width;
  return { rowCount, columnCount, rowBytes, size: rowCount * rowBytes };
}

/** Rows of 8-bit data on the CPU, padded as tensors are; other data as it is. */
export function padRows(data: TensorData, layout: Layout): TensorData {
  if (data.BYTES_PER_ELEMENT !== 1 || layout.rowBytes === layout.columnCount) return data;
  const padded = new Uint8Array(layout.size);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (let row = 0; row < layout.rowCount; row++) {
    padded.set(bytes.subarray(row * layout.columnCount, (row + 1) * layout.columnCount), row * layout.rowBytes);
  }
  return padded;
}

/** @throws InvalidInput when a tensor has elements other than floats, which the types rule out but plain JavaScript does not. */
export function assertFloats(tensor: Tensor, what: string): void {
  if (tensor.dtype === 'float32') return;
  throw new InvalidInput(`${what}: a tensor of ${tensor.dtype} was given; give one of float32.`);
}

/**
 * Numbers on the GPU with a shape and an element type. Its contents do not change. It holds GPU memory until `dispose()`
 * (or the end of a `using` block).
 */
export class Tensor<D extends DType = DType> {
  readonly shape: Shape;
  readonly dtype: D;
  readonly layout: Layout;
  readonly #reader: TensorReader;
  #allocation: Allocation | undefined;

  constructor(reader: TensorReader, allocation: Allocation, shape: Shape, dtype: D) {
    this.#reader = reader;
    this.#allocation = allocation;
    this.shape = Object.freeze([...shape]);
    this.dtype = dtype;
    this.layout = layoutOf(shape, dtype);
  }

  /** Number of elements. */
  get size(): number {
    return elementCount(this.shape);
  }

  /** True after `dispose()`. */
  get disposed(): boolean {
    return this.#allocation === undefined;
  }

  /**
   * The GPU memory behind the tensor, for binding to a kernel.
   * @throws DisposedTensor
   */
  get allocation(): Allocation {
    if (!this.#allocation) {
      throw new DisposedTensor(
        `A ${this.dtype} tensor of shape [${this.shape}] was used after dispose(); keep it until its last use.`,
      );
    }
    return this.#allocation;
  }

  /**
   * Copies the elements to the CPU, in row-major order without padding. The only readback there is.
   * @throws DisposedTensor, and whatever went wrong in computing the contents: a non-finite input found on the GPU
   * (`InvalidInput`), `OutOfMemory`, `DeviceLost`.
   */
  async read(): Promise<ArrayOf[D]> {
    const { layout } = this;
    const buffer = await this.#reader.readBytes(this.allocation, layout.size);
    const width = bytesOf(this.dtype);
    if (layout.rowBytes === layout.columnCount * width) return viewAs(this.dtype, buffer, 0, this.size);
    const padded = new Uint8Array(buffer);
    const packed = new Uint8Array(this.size);
    for (let row = 0; row < layout.rowCount; row++) {
      const start = row * layout.rowBytes;
      packed.set(padded.subarray(start, start + layout.columnCount), row * layout.columnCount);
    }
    return viewAs(this.dtype, packed.buffer, 0, this.size);
  }

  /**
   * The same elements under another shape; shares the memory, and is disposed on its own.
   * @throws ShapeMismatch when the number of elements differs, or when padded 8-bit rows would be cut differently.
   */
  reshape(shape: Shape): Tensor<D> {
    assertShape(shape, 'reshape');
    const layout = layoutOf(shape, this.dtype);
    const cutsRows = bytesOf(this.dtype) === 1 && layout.columnCount !== this.layout.columnCount;
    if (elementCount(shape) !== this.size || cutsRows) {
      throw new ShapeMismatch(
        `reshape: [${this.shape}] cannot become [${shape}]; the number of elements${cutsRows ? ' and, for 8-bit elements, the last axis' : ''} must stay the same.`,
      );
    }
    const { allocation } = this;
    allocation.retain();
    return new Tensor(this.#reader, allocation, shape, this.dtype);
  }

  /** Releases the GPU memory. A second call does nothing. */
  dispose(): void {
    this.#allocation?.release();
    this.#allocation = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
