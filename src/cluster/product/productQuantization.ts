import { abortable } from '../../base/abort.ts';
import { InvalidInput } from '../../base/errors.ts';
import type { Engine } from '../../gpu/engine.ts';
import { KMeans } from '../kmeans/kmeans.ts';
import { type PointSource, shapeOf } from '../points/points.ts';
import { derivedSeed, randomIndex } from '../random.ts';
import { columnsOf, hostPoints, ProductCodebooks, type ProductCodebooksOptions } from './productCodebooks.ts';
import { type ProductBits, subspaceWidth } from './productCodes.ts';

/** Hyperparameters of a product quantizer. */
export interface ProductQuantizerOptions {
  /** Runs of columns with a codebook each, a divisor of the number of columns. 1 is plain vector quantization. */
  readonly subspaces: number;
  /** Bits of a code: codebooks of 256 or 16 codewords. Default 8. */
  readonly bits?: ProductBits;
  /**
   * Most points to train with, at least 2^bits: so many are drawn, evenly over the rows, if there are more. Default 256
   * for each codeword.
   */
  readonly trainingPoints?: number;
  /** Most rounds of k-means in a subspace, at least 1. Default 25. */
  readonly maximumIterations?: number;
  /** See `KMeansOptions.tolerance`. Default 1e-4. */
  readonly tolerance?: number;
  /** Seed of the sample and of k-means, a whole number from 0 to 2^53 - 1. Default 0. */
  readonly seed?: number;
}

/** How far training is. */
export interface ProductQuantizerProgress {
  /** Subspace that is trained, from 1. */
  readonly subspace: number;
  readonly subspaces: number;
  /** Rounds of k-means there. */
  readonly iteration: number;
}

/** How to train. */
export interface ProductQuantizerRun {
  /** Stops it: `fit` rejects with `Aborted` and has released its memory. */
  readonly signal?: AbortSignal;
  /** Called every few rounds. */
  readonly onProgress?: (progress: ProductQuantizerProgress) => void;
}

/** Trained codebooks. */
export class ProductQuantizerFit extends ProductCodebooks {
  /** Mean squared distance of the points trained with to what their codes stand for. */
  readonly error: number;
  /** Points trained with. */
  readonly trainingPoints: number;

  constructor(
    engine: Engine,
    options: ProductCodebooksOptions & Pick<ProductQuantizerFit, 'error' | 'trainingPoints'>,
  ) {
    super(engine, options);
    this.error = options.error;
    this.trainingPoints = options.trainingPoints;
  }
}

/**
 * Product quantization (H. Jégou, M. Douze, C. Schmid, 2011): k-means in each of several subspaces makes the codebooks
 * from which a point of `columns` numbers becomes `subspaces` codes of 8 or 4 bits. Training is reproducible as k-means
 * is: the same points give the same codebooks and codes on every adapter.
 */
export class ProductQuantizer {
  readonly subspaces: number;
  readonly bits: ProductBits;
  readonly trainingPoints: number;
  readonly seed: number;
  readonly #kmeans: KMeans;

  /** @throws InvalidInput for an option outside its range */
  constructor({ subspaces, bits = 8, trainingPoints, seed = 0, ...rounds }: ProductQuantizerOptions) {
    if (bits !== 8 && bits !== 4) {
      throw new InvalidInput(`ProductQuantizer: bits is ${String(bits)}; use 8 (256 codewords) or 4 (16).`);
    }
    if (!Number.isSafeInteger(subspaces) || subspaces < 1) {
      throw new InvalidInput(
        `ProductQuantizer: subspaces is ${subspaces}; it must be a whole number of at least 1 that divides the number of columns.`,
      );
    }
    const clusters = 2 ** bits;
    this.trainingPoints = trainingPoints ?? 256 * clusters;
    if (!Number.isSafeInteger(this.trainingPoints) || this.trainingPoints < clusters) {
      throw new InvalidInput(
        `ProductQuantizer: trainingPoints is ${trainingPoints}; it must be a whole number of at least ${clusters}, the codewords of a codebook.`,
      );
    }
    this.#kmeans = new KMeans({ clusters, seed, maximumIterations: 25, ...rounds });
    this.subspaces = subspaces;
    this.bits = bits;
    this.seed = seed;
  }

  /**
   * Trains on points: one a row, in an array on the CPU or in a tensor of shape [rows, columns], which is read back.
   * @throws InvalidInput for columns that `subspaces` does not divide, fewer points than 2^bits or a non-finite
   * coordinate, ShapeMismatch, Aborted
   */
  async fit(engine: Engine, points: PointSource, run: ProductQuantizerRun = {}): Promise<ProductQuantizerFit> {
    const what = 'ProductQuantizer';
    const { rowCount, columnCount } = shapeOf(points, what);
    const { subspaces, bits } = this;
    const width = subspaceWidth(columnCount, subspaces);
    const clusters = 2 ** bits;
    if (rowCount < clusters) {
      throw new InvalidInput(
        `ProductQuantizer: ${rowCount} points cannot train codebooks of ${clusters} codewords. Give at least ${clusters} points${bits === 8 && rowCount >= 16 ? ', or use 4 bits' : ''}.`,
      );
    }
    const host = await abortable(hostPoints(points, what), run.signal);
    const rows = this.#sample(rowCount);
    const codebooks = new Float64Array(clusters * columnCount);
    let inertia = 0;
    for (let subspace = 0; subspace < subspaces; subspace++) {
      const part = columnsOf(host, subspace * width, width, what, rows);
      const kmeans = new KMeans({ ...this.#kmeans, seed: derivedSeed(this.seed, 'starts', subspace) });
      const fit = await kmeans.fit(engine, part, {
        ...(run.signal && { signal: run.signal }),
        onProgress: ({ iteration }) => run.onProgress?.({ subspace: subspace + 1, subspaces, iteration }),
      });
      codebooks.set(fit.centroids, subspace * clusters * width);
      inertia += fit.inertia;
    }
    const trainingPoints = rows?.length ?? rowCount;
    const error = inertia / trainingPoints;
    return new ProductQuantizerFit(engine, { codebooks, subspaces, bits, columnCount, error, trainingPoints });
  }

  /** Rows to train with, one drawn from each of equal ranges; undefined for all. */
  #sample(rowCount: number): Float64Array | undefined {
    const count = this.trainingPoints;
    if (rowCount <= count) return undefined;
    const start = (place: number) => Math.floor((place * rowCount) / count);
    return Float64Array.from({ length: count }, (_, place) => {
      return start(place) + randomIndex(this.seed, 'rows', place, start(place + 1) - start(place));
    });
  }
}
