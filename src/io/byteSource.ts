import { InvalidInput } from '../base/errors.ts';

/** Bytes that are read piece by piece: an ArrayBuffer, or anything with its `byteLength` and an asynchronous `slice`. */
export interface ByteSource {
  readonly byteLength: number;
  slice(start: number, end?: number): ArrayBuffer | Promise<ArrayBuffer>;
}

/** What bytes may come from: a File or another Blob, bytes in memory, or ranges of a file on disk or far away. */
export type BytesFrom = Blob | Uint8Array | ByteSource;

/** Bytes whose every range is there, or refused. */
export function byteSourceOf(from: BytesFrom, name: string): ByteSource {
  const source = sourceOf(from);
  return {
    byteLength: source.byteLength,
    async slice(start, end = source.byteLength) {
      const bytes = await source.slice(start, end);
      const expected = Math.max(0, Math.min(end, source.byteLength) - start);
      if (bytes.byteLength === expected) return bytes;
      throw new InvalidInput(
        `${name} gave ${bytes.byteLength} bytes from byte ${start} on instead of ${expected}; it was cut short while it was read. Read it again.`,
      );
    },
  };
}

function sourceOf(from: BytesFrom): ByteSource {
  if (from instanceof Blob) {
    return { byteLength: from.size, slice: (start, end) => from.slice(start, end).arrayBuffer() };
  }
  if (from instanceof Uint8Array) {
    // Not `slice`, which does not copy where the bytes are a Node Buffer.
    return { byteLength: from.length, slice: (start, end) => new Uint8Array(from.subarray(start, end)).buffer };
  }
  return from;
}
