import { abortable } from '../../base/abort.ts';
import { InvalidInput, ShapeMismatch } from '../../base/errors.ts';
import type { Engine } from '../../gpu/engine.ts';
import { Tensor } from '../../gpu/tensor.ts';
import { predictorOf } from '../kmeans/predictor.ts';
import { centreNear, type Frame, frameExponent, reach, toFrame } from '../points/frame.ts';
import { nonFinite } from '../points/pointSet.ts';
import { type HostPoints, type PointSource, shapeOf } from '../points/points.ts';
import {
  assertCodes,
  codeAt,
  codeBytes,
  enterLabels,
  HeldProductCodes,
  type ProductBits,
  type ProductCodes,
  type ProductLayout,
  subspaceWidth,
} from './productCodes.ts';
import { type ProductNeighbours, type ProductSearchOptions, searchCodes } from './productSearch.ts';

/** Codebooks, and the layout they are for. */
export interface ProductCodebooksOptions extends ProductLayout {
  /** Row-major [subspaces, 2^bits, columnCount / subspaces], finite. */
  readonly codebooks: Float64Array<ArrayBuffer>;
}

/** How to encode. */
export interface ProductEncodeRun {
  /** Stops it with `Aborted`. */
  readonly signal?: AbortSignal;
}

/** Points as an array on the CPU, where subspaces are cut out. */
export async function hostPoints(source: PointSource, what: string): Promise<HostPoints> {
  const shape = shapeOf(source, what);
  return source instanceof Tensor ? { ...shape, data: await source.read() } : source;
}

/** Some columns of the points, or of those with the given rows. @throws InvalidInput for a number that is not finite */
export function columnsOf(
  { data, rowCount, columnCount }: HostPoints,
  first: number,
  count: number,
  what: string,
  rows?: Float64Array,
): HostPoints {
  const taken = rows?.length ?? rowCount;
  const part = data instanceof Float32Array ? new Float32Array(taken * count) : new Float64Array(taken * count);
  for (let place = 0; place < taken; place++) {
    const from = (rows?.[place] ?? place) * columnCount + first;
    for (let column = 0; column < count; column++) {
      const value = data[from + column] as number;
      if (!Number.isFinite(value)) throw nonFinite(what, from + column, columnCount, value);
      part[place * count + column] = value;
    }
  }
  return { data: part, rowCount: taken, columnCount: count };
}

/** A frame in which rows keep nearly all their bits, from the rows alone. */
function frameOf(rows: Float64Array, columnCount: number): Frame {
  const centre = Float64Array.from({ length: columnCount }, (_, column) => {
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let index = column; index < rows.length; index += columnCount) {
      least = Math.min(least, rows[index] as number);
      most = Math.max(most, rows[index] as number);
    }
    return centreNear(least / 2 + most / 2, least, most);
  });
  return { centre, exponent: frameExponent(reach(rows, centre)) };
}

/**
 * Codebooks of a product quantizer (H. Jégou, M. Douze, C. Schmid, *Product quantization for nearest neighbor search*,
 * 2011): a point is cut into runs of columns, and of each run the number of the nearest codeword is kept. Codebooks that
 * were written to a file encode and search as those that training left.
 */
export class ProductCodebooks implements ProductLayout {
  readonly engine: Engine;
  readonly subspaces: number;
  readonly bits: ProductBits;
  readonly columnCount: number;
  /** Row-major [subspaces, 2^bits, columnCount / subspaces] in the points' own coordinates. */
  readonly codebooks: Float64Array<ArrayBuffer>;

  /** @throws InvalidInput, ShapeMismatch for codebooks of another size */
  constructor(engine: Engine, { codebooks, subspaces, bits, columnCount }: ProductCodebooksOptions) {
    subspaceWidth(columnCount, subspaces);
    if (codebooks.length !== 2 ** bits * columnCount) {
      throw new ShapeMismatch(
        `Product quantization: the codebooks have ${codebooks.length} numbers, but ${2 ** bits} codewords of ${columnCount} columns take ${2 ** bits * columnCount}; give [subspaces, 2^bits, columns / subspaces].`,
      );
    }
    const index = codebooks.findIndex((value) => !(Math.abs(value) < 1e300));
    if (index >= 0) {
      throw new InvalidInput(
        `Product quantization: number ${index} of the codebooks is ${codebooks[index]}; give finite ones below 1e300.`,
      );
    }
    this.engine = engine;
    this.codebooks = codebooks;
    this.subspaces = subspaces;
    this.bits = bits;
    this.columnCount = columnCount;
  }

  /** Columns of a subspace. */
  get width(): number {
    return this.columnCount / this.subspaces;
  }

  /** Bytes of a coded point. */
  get codeBytes(): number {
    return codeBytes(this);
  }

  /**
   * The nearest codewords of points, the lowest number winning ties, as certain as the labels of k-means. Points in a
   * tensor are read back.
   * @throws ShapeMismatch, InvalidInput for no points or a non-finite coordinate, Aborted
   */
  async encode(points: PointSource, { signal }: ProductEncodeRun = {}): Promise<ProductCodes> {
    const what = 'Product quantization';
    this.#assertColumns(shapeOf(points, what).columnCount);
    const host = await abortable(hostPoints(points, what), signal);
    const codes = { data: new Uint8Array(host.rowCount * this.codeBytes), rowCount: host.rowCount };
    for (let subspace = 0; subspace < this.subspaces; subspace++) {
      const part = columnsOf(host, subspace * this.width, this.width, what);
      const codebook = this.#codebook(subspace);
      const frame = frameOf(codebook, this.width);
      const framed = toFrame(codebook, frame, 0, 2 ** this.bits);
      const labels = await abortable(predictorOf(this.engine, { framed, frame }).predict(part), signal);
      enterLabels(codes, this, subspace, labels);
    }
    return codes;
  }

  /** The points that codes stand for: row-major [rows, columns]. @throws ShapeMismatch */
  decode(codes: ProductCodes): Float64Array<ArrayBuffer> {
    assertCodes(codes, this);
    const { width, columnCount } = this;
    const points = new Float64Array(codes.rowCount * columnCount);
    for (let row = 0; row < codes.rowCount; row++) {
      for (let subspace = 0; subspace < this.subspaces; subspace++) {
        const codeword = (subspace * 2 ** this.bits + codeAt(codes, this, row, subspace)) * width;
        points.set(this.codebooks.subarray(codeword, codeword + width), row * columnCount + subspace * width);
      }
    }
    return points;
  }

  /** Keeps codes on the GPU for many searches; the caller disposes of them. @throws ShapeMismatch, InvalidInput, LimitExceeded */
  hold(codes: ProductCodes): HeldProductCodes {
    assertCodes(codes, this);
    return new HeldProductCodes(this.engine, codes);
  }

  /**
   * The nearest of all coded points to each query, which itself is not coded (asymmetric distances): the GPU adds the
   * entries of a table of the distances to all codewords, in float32, and keeps the nearest and 8 spare ones, whose
   * distances are computed again in float64. Rows of the same distance are in ascending order. A row is left out for
   * another only where their squared distances differ by less than (columns a subspace + subspaces + 8) · 2^-22 of
   * themselves and coordinates by 2^-23 of the largest one, centred.
   *
   * @param queries one a row, each with the columns of the points
   * @param codes those of `encode`, or of `hold`, which spares their upload
   * @throws ShapeMismatch, InvalidInput for no queries, no codes, a non-finite coordinate or a count out of range,
   * LimitExceeded for more codes than a buffer holds, Aborted
   */
  async search(
    queries: PointSource,
    codes: ProductCodes,
    options: ProductSearchOptions = {},
  ): Promise<ProductNeighbours> {
    const what = 'Product quantization, queries';
    this.#assertColumns(shapeOf(queries, what).columnCount);
    assertCodes(codes, this);
    const host = await abortable(hostPoints(queries, what), options.signal);
    const { data } = columnsOf(host, 0, this.columnCount, what);
    const held = codes instanceof HeldProductCodes ? codes : this.hold(codes);
    try {
      return await searchCodes(this, this.#searchFrame(), { ...host, data }, held, options);
    } finally {
      if (held !== codes) held.dispose();
    }
  }

  #codebook(subspace: number): Float64Array {
    const size = 2 ** this.bits * this.width;
    return this.codebooks.subarray(subspace * size, (subspace + 1) * size);
  }

  /** One frame for all columns, since distances are added up. */
  #searchFrame(): Frame {
    const frames = Array.from({ length: this.subspaces }, (_, subspace) =>
      frameOf(this.#codebook(subspace), this.width),
    );
    return {
      centre: Float64Array.from(frames.flatMap(({ centre }) => [...centre])),
      exponent: Math.min(...frames.map(({ exponent }) => exponent)),
    };
  }

  #assertColumns(columnCount: number): void {
    if (columnCount === this.columnCount) return;
    throw new ShapeMismatch(
      `Product quantization: points have ${columnCount} columns, but the codebooks are for ${this.columnCount}; give points with the same columns.`,
    );
  }
}
