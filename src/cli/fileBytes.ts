/** A file that a command reads by ranges of bytes. Node only. */
import { type FileHandle, open } from 'node:fs/promises';
import { InvalidInput } from '../base/errors.ts';
import type { ByteSource } from '../io/byteSource.ts';

/** Ranges of a file on disk, until it is closed. */
export class FileBytes implements ByteSource {
  readonly byteLength: number;
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle, byteLength: number) {
    this.#handle = handle;
    this.byteLength = byteLength;
  }

  /** @throws InvalidInput when the file cannot be opened */
  static async open(file: string, remedy: string): Promise<FileBytes> {
    try {
      const handle = await open(file);
      return new FileBytes(handle, (await handle.stat()).size);
    } catch (cause) {
      throw new InvalidInput(
        `${file} could not be read: ${cause instanceof Error ? cause.message : cause}. ${remedy}`,
        { cause },
      );
    }
  }

  async slice(start: number, end = this.byteLength): Promise<ArrayBuffer> {
    const bytes = new Uint8Array(Math.max(0, Math.min(end, this.byteLength) - start));
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await this.#handle.read(bytes, filled, bytes.length - filled, start + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled === bytes.length ? bytes.buffer : bytes.buffer.slice(0, filled);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
