import { InvalidInput } from '../base/errors.ts';

/**
 * The bytes of a file that may be compressed with gzip (RFC 1952): those that begin as such a file does are decompressed, all
 * others are given back as they are.
 *
 * @param name names the file in errors
 * @throws InvalidInput if the compressed data is damaged or cut short
 */
export async function gunzip(bytes: Uint8Array, name = 'The file'): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const plain = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new DecompressionStream('gzip'));
  try {
    return new Uint8Array(await new Response(plain).arrayBuffer());
  } catch (cause) {
    throw new InvalidInput(
      `${name} begins as a gzip file, but its ${bytes.length} bytes do not decompress: ${cause instanceof Error ? cause.message : cause}. It is truncated or damaged: fetch it again.`,
      { cause },
    );
  }
}
