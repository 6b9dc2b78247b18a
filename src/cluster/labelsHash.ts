/** SHA-256, in hexadecimal, of labels as little-endian int32: equal labels, equal hash, on every machine. */
export async function labelsHash(labels: Int32Array): Promise<string> {
  const bytes = new Uint8Array(labels.length * 4);
  const view = new DataView(bytes.buffer);
  labels.forEach((label, row) => {
    view.setInt32(row * 4, label, true);
  });
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
