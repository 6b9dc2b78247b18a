import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MalformedModel } from '../../src/base/errors.ts';
import { type ElementType, type HostTensor, hostTensor, integerRange } from '../../src/graph/hostTensor.ts';
import { readSafetensors, type StoredTensor, writeSafetensors } from '../../src/io/safetensors.ts';
import { fromSafetensors, toSafetensors } from '../../src/onnx/safetensors.ts';
import { GraphBuilder } from '../support/graphBuilder.ts';

const codeTypes = ['int8', 'uint8', 'int4', 'uint4', 'int2', 'uint2', 'int16', 'uint16', 'int32'] as const;
const otherTypes = ['float32', 'float64', 'float16', 'int64', 'uint64', 'uint32', 'bool'] as const;

/** Integers of a type within a width, the ends of which are frequent; halves for floats. */
function tensorOf(elementType: ElementType, bits: number): fc.Arbitrary<HostTensor> {
  const [least, greatest] = integerRange(elementType) ?? [-1000, 1000];
  const step = integerRange(elementType) ? 1 : 0.5;
  const [low, high] = [Math.max(least, -(2 ** (bits - 1))), Math.min(greatest, 2 ** bits - 1)];
  const shapes = fc.array(fc.nat(4), { maxLength: 3 });
  return shapes.chain((shape) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const element = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(low, high));
    return fc.array(element, { minLength: size, maxLength: size }).map((values) => {
      return hostTensor(
        elementType,
        shape,
        values.map((value) => Math.min(Math.max(value, low), high) * step),
      );
    });
  });
}

const codes = fc
  .tuple(fc.constantFrom(...codeTypes), fc.integer({ min: 1, max: 8 }))
  .chain(([type, bits]) => tensorOf(type, bits));
const others = fc.constantFrom(...otherTypes).chain((type) => tensorOf(type, 40));

/** A graph whose codes are dequantized. */
function graphOf(quantized: readonly HostTensor[], plain: readonly HostTensor[]) {
  const b = new GraphBuilder();
  for (const { elementType, shape, data } of quantized) {
    const inputs = [b.constant(elementType, shape, data), b.constant('float32', [], [0.25])];
    b.node('DequantizeLinear', [...inputs, b.constant(elementType, [], [1])], {});
  }
  for (const { elementType, shape, data } of plain) b.constant(elementType, shape, data);
  return b.graph([]);
}

test('constants come back as they were', () => {
  fc.assert(
    fc.property(fc.array(codes, { maxLength: 4 }), fc.array(others, { maxLength: 3 }), (quantized, plain) => {
      const graph = graphOf(quantized, plain);
      const { tensors, quantization } = fromSafetensors(toSafetensors(graph));
      expect(new Map([...tensors].sort())).toEqual(new Map([...graph.initializers].sort()));
      for (const [index, { elementType, shape }] of quantized.entries()) {
        const [name, scale, zeroPoint] = graph.nodes[index]?.inputs ?? [];
        expect(quantization.get(name ?? '')).toMatchObject({ elementType, shape, scale, zeroPoint });
      }
    }),
  );
});

test('codes take the bits that they need', () => {
  const five = hostTensor('int8', [100], new Array(100).fill(-16));
  const two = hostTensor('uint8', [9], new Array(9).fill(3));
  const b = new GraphBuilder();
  b.weights(five, [1, 2], 0);
  b.weights(two, [1]);
  const file = toSafetensors(b.graph([]));
  const { quantization } = fromSafetensors(file);
  expect([...quantization.values()]).toMatchObject([
    { bits: 5, axis: 0, shape: [100] },
    { bits: 2, shape: [9] },
  ]);
  expect([...quantization.values()][1]).not.toHaveProperty('axis');
  const sizes = [...quantization.keys()].map((name) => readSafetensors(file).tensors.get(name)?.bytes.length);
  expect(sizes).toEqual([63, 3]);
});

const stored = (bytes: number[]): StoredTensor => ({
  type: 'U8',
  shape: [bytes.length],
  bytes: Uint8Array.from(bytes),
});
const good = { elementType: 'int8', shape: [3], bits: 5 };

test.each([
  ['of another program', { format: 'pt', quantization: '{}' }],
  ['without parameters', { format: 'cuanta' }],
  ['with parameters that are no JSON', { format: 'cuanta', quantization: '{' }],
  ['with parameters of a tensor that is not there', { b: good }],
  ['with a width of 9 bits', { a: { ...good, bits: 9 } }],
  ['with a width beyond the type', { a: { ...good, elementType: 'int4' } }],
  ['with packed floats', { a: { ...good, elementType: 'float32' } }],
  ['with too many codes for its bytes', { a: { ...good, shape: [4] } }],
  ['with a shape beyond all numbers', { a: { ...good, shape: [2 ** 40, 2 ** 40] } }],
  ['with an unknown type', { a: { ...good, elementType: 'toString' } }],
  ['with codes that are not packed, but of another type', { a: { elementType: 'int32', shape: [2] } }],
])('a file %s is refused', (_, given) => {
  const metadata = 'format' in given ? given : { format: 'cuanta', quantization: JSON.stringify(given) };
  const file = writeSafetensors({
    tensors: new Map([['a', stored([1, 2])]]),
    metadata: new Map(Object.entries(metadata).map(([key, text]) => [key, String(text)])),
  });
  expect(() => fromSafetensors(file)).toThrow(MalformedModel);
});
