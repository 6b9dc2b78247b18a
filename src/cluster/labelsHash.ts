import { sha256 } from '../base/sha256.ts';

/** SHA-256, in hexadecimal, of labels as little-endian int32: equal labels, equal hash, on every machine. */
export function labelsHash(labels: Int32Array): Promise<string> {
  const bytes = new Uint8Array(labels.length * 4);
  const view = new DataView(bytes.buffer);
  labels.forEach((label, row) => {
    view.setInt32(row * 4, label, true);
  });
  return sha256(bytes);
}
