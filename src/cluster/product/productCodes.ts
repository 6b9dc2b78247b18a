import { InvalidInput, ShapeMismatch } from '../../base/errors.ts';
import type { Engine } from '../../gpu/engine.ts';
import type { Tensor } from '../../gpu/tensor.ts';

/** Bits of the number of a codeword: codebooks have 16 or 256 of them. */
export type ProductBits = 4 | 8;

/** How points are cut: into `subspaces` runs of equally many columns, with a codebook of 2^bits codewords for each. */
export interface ProductLayout {
  readonly subspaces: number;
  readonly bits: ProductBits;
  /** Columns of a point, a multiple of `subspaces`. */
  readonly columnCount: number;
}

/** Points as the numbers of their codewords. */
export interface ProductCodes {
  /**
   * [rowCount, bytes]: a byte a subspace, or with 4 bits one for two of them, the first in the low half. The last half is 0
   * where the number of subspaces is odd.
   */
  readonly data: Uint8Array<ArrayBuffer>;
  readonly rowCount: number;
}

/** Bytes of a coded point. */
export function codeBytes({ subspaces, bits }: ProductLayout): number {
  return Math.ceil((subspaces * bits) / 8);
}

/** Columns of a subspace. @throws InvalidInput for columns that cannot be cut so */
export function subspaceWidth(columnCount: number, subspaces: number): number {
  if (columnCount % subspaces === 0) return columnCount / subspaces;
  const divisors = Array.from({ length: columnCount }, (_, index) => index + 1).filter((d) => columnCount % d === 0);
  throw new InvalidInput(
    `Product quantization: ${columnCount} columns cannot be cut into ${subspaces} subspaces of equal width. Use a divisor of ${columnCount}: ${divisors.join(', ')}.`,
  );
}

/** @throws ShapeMismatch unless the codes are of this layout */
export function assertCodes({ data, rowCount }: ProductCodes, layout: ProductLayout): void {
  const bytes = codeBytes(layout);
  if (Number.isSafeInteger(rowCount) && data.length === rowCount * bytes) return;
  throw new ShapeMismatch(
    `Product quantization: ${data.length} bytes are not the codes of ${rowCount} points; ${layout.subspaces} subspaces of ${layout.bits} bits take ${bytes} bytes a point. Give codes of these codebooks.`,
  );
}

/** The number of the codeword of a point in a subspace. */
export function codeAt({ data }: ProductCodes, layout: ProductLayout, row: number, subspace: number): number {
  const start = row * codeBytes(layout);
  if (layout.bits === 8) return data[start + subspace] as number;
  return ((data[start + (subspace >> 1)] as number) >> ((subspace & 1) * 4)) & 15;
}

/** Enters the numbers of the codewords of all points in a subspace into codes that have zeros there. */
export function enterLabels(codes: ProductCodes, layout: ProductLayout, subspace: number, labels: Int32Array): void {
  const bytes = codeBytes(layout);
  const place = (subspace * layout.bits) >> 3;
  const shift = (subspace * layout.bits) & 7;
  labels.forEach((label, row) => {
    const at = row * bytes + place;
    codes.data[at] = (codes.data[at] as number) | (label << shift);
  });
}

/** Codes that stay on the GPU from one search to the next, 16 bytes or a multiple of that a point, until disposed of. */
export class HeldProductCodes implements ProductCodes {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly rowCount: number;
  /** [rowCount, bytes] */
  readonly tensor: Tensor<'uint8'>;

  /** @throws InvalidInput for no codes, LimitExceeded for more than a buffer holds, OutOfMemory */
  constructor(engine: Engine, { data, rowCount }: ProductCodes) {
    if (rowCount === 0) {
      throw new InvalidInput(
        'Product quantization: there are no codes to search in; give those of at least one point.',
      );
    }
    this.data = data;
    this.rowCount = rowCount;
    this.tensor = engine.tensor(data, [rowCount, data.length / rowCount]);
  }

  dispose(): void {
    this.tensor.dispose();
  }
}
