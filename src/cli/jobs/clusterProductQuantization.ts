import { sha256 } from '../../base/sha256.ts';
import type { HostPoints } from '../../cluster/points/points.ts';
import type { ProductCodebooks } from '../../cluster/product/productCodebooks.ts';
import type { ProductCodes } from '../../cluster/product/productCodes.ts';
import { ProductQuantizer, type ProductQuantizerOptions } from '../../cluster/product/productQuantization.ts';
import { writeNpy } from '../../io/npy.ts';
import type { Job } from './job.ts';
import { pointsOf } from './pointInput.ts';

/** The hyperparameters of a product quantizer, and which results to write. */
export interface ClusterProductQuantizationParameters extends ProductQuantizerOptions {
  /**
   * Files to hand back as `.npy`: `codes` (uint8, [points, bytes]), `codebooks` (float64, [subspaces, codewords, columns of
   * one]).
   */
  readonly files: readonly ('codes' | 'codebooks')[];
}

/** What product quantization made of points. */
export interface ClusterProductQuantizationReport {
  readonly points: number;
  readonly columns: number;
  readonly subspaces: number;
  readonly bits: number;
  readonly trainingPoints: number;
  /** Bytes of a coded point. */
  readonly bytesPerPoint: number;
  /** How many times as many bytes a point takes in float32. */
  readonly compression: number;
  /** Mean squared distance of all points to what their codes stand for. */
  readonly error: number;
  /** The same as a share of the mean squared distance to the mean of all points. */
  readonly relativeError: number | null;
  /** SHA-256, in hex, of the codes. */
  readonly codesSha256: string;
}

/** Trains on the points of the input `points`, a `.npy` file of [rows, columns], and encodes them. */
export const clusterProductQuantization: Job<ClusterProductQuantizationParameters, ClusterProductQuantizationReport> = {
  name: 'clusterProductQuantization',
  page: 'runtime.html',
  run: async (engine, { files, ...options }, { inputs, onProgress, signal }) => {
    const points = pointsOf(inputs.points);
    const run = signal ? { signal } : {};
    const fit = await new ProductQuantizer(options).fit(engine, points, {
      ...run,
      onProgress: ({ subspace, subspaces, iteration }) =>
        onProgress?.(`subspace ${subspace} of ${subspaces}, iteration ${iteration}`),
    });
    const codes = await fit.encode(points, run);
    const { error, relativeError } = errorOf(fit, points, codes);
    const { subspaces, bits, width, codeBytes, columnCount } = fit;
    const made = {
      codes: () => writeNpy({ shape: [codes.rowCount, codeBytes], data: codes.data }),
      codebooks: () => writeNpy({ shape: [subspaces, 2 ** bits, width], data: fit.codebooks }),
    };
    return {
      report: {
        points: codes.rowCount,
        columns: columnCount,
        subspaces,
        bits,
        trainingPoints: fit.trainingPoints,
        bytesPerPoint: codeBytes,
        compression: (columnCount * 4) / codeBytes,
        error,
        relativeError,
        codesSha256: await sha256(codes.data),
      },
      files: Object.fromEntries(files.map((name) => [name, made[name]()])),
    };
  },
};

/** Points decoded at a time. */
const decodedRows = 4096;

/** The error of codes, in float64. Without spread there is nothing that it could be a share of. */
function errorOf(
  codebooks: ProductCodebooks,
  { data, rowCount, columnCount }: HostPoints,
  codes: ProductCodes,
): { readonly error: number; readonly relativeError: number | null } {
  const mean = new Float64Array(columnCount);
  data.forEach((value, index) => {
    const column = index % columnCount;
    mean[column] = (mean[column] ?? 0) + value / rowCount;
  });
  let [error, spread] = [0, 0];
  for (let first = 0; first < rowCount; first += decodedRows) {
    const end = Math.min(rowCount, first + decodedRows);
    const bytes = codes.data.slice(first * codebooks.codeBytes, end * codebooks.codeBytes);
    const decoded = codebooks.decode({ data: bytes, rowCount: end - first });
    decoded.forEach((value, index) => {
      const original = data[first * columnCount + index] ?? 0;
      error += (original - value) ** 2 / rowCount;
      spread += (original - (mean[index % columnCount] ?? 0)) ** 2 / rowCount;
    });
  }
  return { error, relativeError: spread > 0 ? error / spread : null };
}
