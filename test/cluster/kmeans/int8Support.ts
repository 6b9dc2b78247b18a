import type { QuantizedPoints } from '../../../src/cluster/kmeans/quantizeRows.ts';
import type { ClusterState } from '../../../src/cluster/kmeans/state.ts';

/** Codes without padding, row by row, and the two words that go with each row. */
export interface ReadCodes {
  readonly codes: Int8Array<ArrayBuffer>;
  /** f32: bounds above the norms of the errors. */
  readonly errors: Float32Array<ArrayBuffer>;
  /** Sums of the squared codes. */
  readonly squares: Uint32Array<ArrayBuffer>;
}

/** Reads the codes of the points back. */
export async function readPointCodes(state: ClusterState, quantized: QuantizedPoints): Promise<ReadCodes> {
  const { engine, points } = state;
  const { rowCount, columnCount } = points;
  const codes = new Int8Array(rowCount * columnCount);
  const errors = new Float32Array(rowCount);
  const squares = new Uint32Array(rowCount);
  for (const [index, part] of points.parts.entries()) {
    const made = quantized.parts[index];
    if (!made) throw new Error(`part ${index} has no codes`);
    const bytes = new Int8Array(await engine.readBytes(made.codes, made.codes.size));
    const terms = await engine.readBytes(made.terms, part.rowCount * 8);
    for (let row = 0; row < part.rowCount; row++) {
      const block = Math.floor(row / 64) * quantized.vectors;
      for (let column = 0; column < columnCount; column++) {
        const vector = (block + Math.floor(column / 16)) * 64 + (row % 64);
        codes[(part.firstRow + row) * columnCount + column] = bytes[vector * 16 + (column % 16)] as number;
      }
      errors[part.firstRow + row] = new Float32Array(terms)[2 * row] as number;
      squares[part.firstRow + row] = new Uint32Array(terms)[2 * row + 1] as number;
    }
  }
  return { codes, errors, squares };
}

/** Codes of the centroids, and what is known of them. */
export interface ReadCentroidCodes {
  readonly codes: Int8Array<ArrayBuffer>;
  readonly largestError: number;
  readonly largestSquares: number;
  /** Of all clusters that there is room for. */
  readonly offsets: Int32Array<ArrayBuffer>;
}

/** Reads the codes of the centroids back. */
export async function readCentroidCodes(state: ClusterState, quantized: QuantizedPoints): Promise<ReadCentroidCodes> {
  const { engine, points, clusterCount, paddedCount } = state;
  const { columnCount } = points;
  const bytes = new Int8Array(await engine.readBytes(quantized.centroidCodes, paddedCount * quantized.vectors * 16));
  const terms = await engine.readBytes(quantized.centroidTerms, (4 + paddedCount) * 4);
  const codes = new Int8Array(clusterCount * columnCount);
  for (let cluster = 0; cluster < clusterCount; cluster++) {
    const group = Math.floor(cluster / 4) * quantized.vectors * 4;
    for (let column = 0; column < columnCount; column++) {
      const word = (group + Math.floor(column / 4)) * 4 + (cluster % 4);
      codes[cluster * columnCount + column] = bytes[word * 4 + (column % 4)] as number;
    }
  }
  return {
    codes,
    largestError: new Float32Array(terms)[0] as number,
    largestSquares: new Uint32Array(terms)[1] as number,
    offsets: new Int32Array(terms, 16),
  };
}
