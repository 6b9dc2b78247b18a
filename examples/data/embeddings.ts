import { InvalidInput } from '../../src/base/errors.ts';

/**
 * Sentence vectors of the SAP Fiori documentation: 778 passages, 384 numbers each, of unit length.
 *
 * Source: npm `@sap-ux/fiori-docs-embeddings` (Apache-2.0), `data/embeddings`; vectors by the sentence encoder
 * all-MiniLM-L6-v2 (Apache-2.0). `embeddings.bin` is little-endian float32 without a header, one vector after the other;
 * `records.jsonl` has one JSON object a line in the same order; `metadata.json` states the sizes.
 */
export interface Embeddings {
  readonly rowCount: number;
  readonly columnCount: number;
  /** Row-major [rowCount, columnCount], rows of unit length. */
  readonly data: Float32Array<ArrayBuffer>;
  /** Title of the passage of each row; some share one. */
  readonly titles: readonly string[];
}

/** The bytes of the three files. */
export interface EmbeddingFiles {
  /** `embeddings.bin` */
  readonly vectors: Uint8Array;
  /** `records.jsonl` */
  readonly records: Uint8Array;
  /** `metadata.json` */
  readonly metadata: Uint8Array;
}

/**
 * Reads the vectors and their titles.
 *
 * @throws InvalidInput if the sizes of the files do not agree
 */
export function readEmbeddings(files: EmbeddingFiles): Embeddings {
  const decoder = new TextDecoder();
  const { dimensions, totalVectors } = JSON.parse(decoder.decode(files.metadata)) as {
    readonly dimensions: number;
    readonly totalVectors: number;
  };
  const titles = decoder
    .decode(files.records)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { readonly title: string }).title);
  const expectedBytes = totalVectors * dimensions * Float32Array.BYTES_PER_ELEMENT;
  if (files.vectors.length !== expectedBytes || titles.length !== totalVectors) {
    throw new InvalidInput(
      `The sentence vectors have ${files.vectors.length} bytes and ${titles.length} titles; metadata.json says ` +
        `${totalVectors} × ${dimensions}, which takes ${expectedBytes} bytes. Install the package again with npm ci.`,
    );
  }
  const data = new Float32Array(new Uint8Array(files.vectors).buffer);
  return { rowCount: totalVectors, columnCount: dimensions, data, titles };
}
