import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidInput, MalformedModel } from '../../src/base/errors.ts';
import {
  readSafetensors,
  type SafetensorsType,
  type StoredTensor,
  writeSafetensors,
} from '../../src/io/safetensors.ts';

const sizes: readonly (readonly [SafetensorsType, number])[] = [
  ...(['BOOL', 'U8', 'I8', 'F8_E4M3', 'F8_E5M2'] as const).map((type) => [type, 1] as const),
  ...(['U16', 'I16', 'F16', 'BF16'] as const).map((type) => [type, 2] as const),
  ...(['U32', 'I32', 'F32'] as const).map((type) => [type, 4] as const),
  ...(['U64', 'I64', 'F64'] as const).map((type) => [type, 8] as const),
];

const stored: fc.Arbitrary<StoredTensor> = fc
  .tuple(fc.constantFrom(...sizes), fc.array(fc.nat(3), { maxLength: 3 }))
  .chain(([[type, size], shape]) => {
    const length = shape.reduce((product, extent) => product * extent, 1) * size;
    return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => ({ type, shape, bytes }));
  });
const names = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', '"{[:', 'ä\u0000\n'));

/** A file with any header. */
function fileOf(header: string, data = 0, length = BigInt(new TextEncoder().encode(header).length)): Uint8Array {
  const bytes = new TextEncoder().encode(header);
  const file = new Uint8Array(8 + bytes.length + data);
  new DataView(file.buffer).setBigUint64(0, length, true);
  file.set(bytes, 8);
  return file;
}

test('what is written is read again, aligned, and equal tensors make equal files', () => {
  fc.assert(
    fc.property(
      fc.dictionary(names, stored, { noNullPrototype: true }),
      fc.array(fc.tuple(names, fc.string()), { maxLength: 3 }),
      (given, texts) => {
        const tensors = new Map(Object.entries(given));
        const metadata = new Map(texts);
        const file = writeSafetensors({ tensors, metadata });
        const found = readSafetensors(file);
        expect(found.metadata).toEqual(metadata);
        expect(new Map([...found.tensors].sort())).toEqual(new Map([...tensors].sort()));
        for (const { type, bytes } of found.tensors.values()) {
          expect(bytes.byteOffset % (new Map(sizes).get(type) ?? 0)).toBe(0);
        }
        const reversed = new Map([...tensors].reverse());
        expect(writeSafetensors({ tensors: reversed, metadata })).toEqual(file);
      },
    ),
  );
});

test('a header that ends with spaces', () => {
  // The example of the format's README, with a header padded as it is there.
  const header = '{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}    ';
  const { tensors, metadata } = readSafetensors(fileOf(header, 16));
  expect(tensors.get('test')).toEqual({ type: 'I32', shape: [2, 2], bytes: new Uint8Array(16) });
  expect(metadata.size).toBe(0);
});

const entry = (from: number, to: number, more = {}) =>
  JSON.stringify({ dtype: 'U8', shape: [to - from], data_offsets: [from, to], ...more });

describe('a hostile file is refused', () => {
  test.each([
    ['nothing', new Uint8Array(), /0 bytes/],
    ['a header beyond the file', fileOf('{}', 0, 3n), /header of 3 bytes/],
    ['a header of 2^64 - 1 bytes', fileOf('{}', 0, 2n ** 64n - 1n), /header of 18446744073709551615/],
    ['no JSON', fileOf('{"a"'), /no JSON/],
    ['broken UTF-8', Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0xff), /no JSON/],
    ['a space before the header', fileOf(' {}'), /begin with/],
    ['a list', fileOf('[]'), /begin with/],
    ['a name twice', fileOf(`{"a":${entry(0, 0)},"\\u0061":${entry(0, 0)}}`), /twice/],
    ['an unknown type', fileOf(`{"a":${entry(0, 1, { dtype: 'Q8' })}}`, 1), /"Q8"/],
    ['a type that every object has', fileOf(`{"a":${entry(0, 1, { dtype: 'toString' })}}`, 1), /"toString"/],
    ['a negative length', fileOf(`{"a":${entry(0, 1, { shape: [-1, -1] })}}`, 1), /without a shape/],
    ['half a length', fileOf(`{"a":${entry(0, 1, { shape: [0.5, 2] })}}`, 1), /without a shape/],
    ['a shape beyond its bytes', fileOf(`{"a":${entry(0, 1, { shape: [2 ** 31, 2 ** 31] })}}`, 1), /"a" of U8/],
    ['a tensor beyond the data', fileOf(`{"a":${entry(0, 9)}}`, 8), /0 to 9 of 8/],
    ['an end before the beginning', fileOf(`{"a":${entry(4, 0, { shape: [4] })}}`, 4), /4 to 0 of 4/],
    ['one offset', fileOf(`{"a":${entry(0, 1, { data_offsets: [0] })}}`, 1), /beginning and an end/],
    ['tensors that overlap', fileOf(`{"a":${entry(0, 3)},"b":${entry(2, 4)}}`, 4), /overlap/],
    ['a gap', fileOf(`{"a":${entry(0, 1)},"b":${entry(2, 4)}}`, 4), /gap at byte 1/],
    ['bytes behind the last tensor', fileOf(`{"a":${entry(0, 1)}}`, 2), /2 bytes of data/],
    ['a number in the metadata', fileOf('{"__metadata__":{"a":1}}'), /no text/],
    ['a tensor that is null', fileOf('{"a":null}'), /no JSON object/],
  ])('%s', (_, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(MalformedModel);
    expect(() => readSafetensors(bytes)).toThrow(message);
  });

  test('whatever bytes change, it is read or refused with a typed error', () => {
    const tensors = new Map([['a', { type: 'F32' as const, shape: [2], bytes: new Uint8Array(8) }]]);
    const file = writeSafetensors({ tensors, metadata: new Map([['b', 'c']]) });
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.nat(255), fc.nat(file.length), (place, value, length) => {
        const changed = file.slice(0, length);
        changed[place] = value;
        try {
          const found = readSafetensors(changed);
          for (const { bytes } of found.tensors.values()) expect(bytes.length).toBeLessThanOrEqual(8);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedModel);
        }
      }),
    );
  });
});

test.each(['a', '__metadata__'])('a tensor that is not as it says is not written: %s', (name) => {
  const tensors = new Map([[name, { type: 'F32' as const, shape: [2], bytes: new Uint8Array(7) }]]);
  expect(() => writeSafetensors({ tensors, metadata: new Map() })).toThrow(InvalidInput);
});
