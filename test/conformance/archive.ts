/** The archive of conformance cases. */

const blockBytes = 512;

/** A case: a model and one set of inputs and outputs, all as they were stored. */
export interface ConformanceCase {
  /** Without the `test_` that all of them begin with. */
  readonly name: string;
  readonly model: Uint8Array;
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly Uint8Array[];
}

/** The cases of a `.tar` file of folders `test_<name>` with `model.onnx` and `test_data_set_0/{in,out}put_<index>.pb`. */
export function readCases(tar: Uint8Array): ConformanceCase[] {
  const cases = new Map<string, { model: Uint8Array; inputs: Uint8Array[]; outputs: Uint8Array[] }>();
  for (const [path, bytes] of readTar(tar)) {
    const [, name = '', file, index] =
      /^test_([^/]+)\/(?:(model|test_data_set_0\/(?:in|out)put)_?(\d*))\.\w+$/.exec(path) ?? [];
    if (file === undefined) throw new Error(`${path} is no part of a case.`);
    const found = cases.get(name) ?? { model: new Uint8Array(), inputs: [], outputs: [] };
    cases.set(name, found);
    if (file === 'model') found.model = bytes;
    else found[file.endsWith('input') ? 'inputs' : 'outputs'][Number(index)] = bytes;
  }
  return [...cases].map(([name, found]) => ({ name, ...found }));
}

/** The files of a `.tar` archive (POSIX ustar) by their paths. */
function readTar(tar: Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const text = (start: number, length: number) =>
    new TextDecoder().decode(tar.subarray(start, start + length)).replace(/\0.*$/s, '');
  for (let offset = 0; offset + blockBytes <= tar.length && tar[offset] !== 0; ) {
    const size = Number.parseInt(text(offset + 124, 12), 8);
    const isFile = text(offset + 156, 1) === '0';
    const start = offset + blockBytes;
    if (isFile) files.set(text(offset, 100), tar.subarray(start, start + size));
    offset = start + Math.ceil(size / blockBytes) * blockBytes;
  }
  return files;
}
