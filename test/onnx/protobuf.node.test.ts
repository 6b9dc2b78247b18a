import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { describe, expect, test } from 'vitest';
import { LimitExceeded, MalformedModel } from '../../src/base/errors.ts';
import { importOnnx } from '../../src/onnx/import.ts';
import { decodeModel } from '../../src/onnx/protobuf.ts';
import { modelBytes, node, value } from '../support/onnxBytes.ts';

const plain = modelBytes({ input: [value('x')], output: [value('y')], node: [node('Relu', ['x'], ['y'])] });

/** Numbers of the fields of ONNX's messages that these tests write by hand. */
const field = {
  model: { irVersion: 1, graph: 7 },
  graph: { node: 1, name: 2, initializer: 5 },
  node: { attribute: 5 },
  attribute: { graph: 6 },
  tensor: { dims: 1, rawData: 9 },
};

/** A message around bytes. */
const around = (number: number, bytes: Uint8Array) =>
  new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(bytes).finish();

/** A message of which a length is claimed that is not there. */
const claiming = (number: number, length: number, bytes: Uint8Array) =>
  new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(length).raw(bytes).finish();

describe('damaged bytes', () => {
  test('every truncation is noticed', () => {
    const survivors = Array.from(plain.keys()).filter((length) => {
      try {
        importOnnx(plain.subarray(0, length));
        return true;
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedModel);
        return false;
      }
    });
    expect(survivors).toEqual([]);
  });

  test.each([
    ['a text', new TextEncoder().encode('<!DOCTYPE html><html>Not found</html>')],
    ['zeros', new Uint8Array(64)],
    ['ones', new Uint8Array(64).fill(255)],
    ['a graph longer than the file', claiming(field.model.graph, 2 ** 31, new Uint8Array(8))],
    ['a node longer than its graph', around(field.model.graph, claiming(field.graph.node, 9, new Uint8Array(8)))],
    ['a graph that is a number', new BinaryWriter().tag(field.model.graph, WireType.Varint).uint32(1).finish()],
    ['a version that is a text', around(field.model.irVersion, new Uint8Array(3))],
    ['a group', new BinaryWriter().tag(field.model.graph, WireType.StartGroup).finish()],
    ['a field of number 0', new BinaryWriter().tag(0, WireType.Varint).uint32(1).finish()],
    ['a number without an end', new Uint8Array(20).fill(128)],
  ])('%s', (_what, bytes) => {
    expect(() => decodeModel(bytes)).toThrow(MalformedModel);
  });

  test('fields that are not known are passed over', () => {
    const extra = new BinaryWriter().tag(1000, WireType.LengthDelimited).string('later').tag(1001, WireType.Bit64);
    const bytes = extra.double(1).tag(1002, WireType.Bit32).float(1).tag(1003, WireType.Varint).uint32(7).raw(plain);
    expect(importOnnx(bytes.finish()).nodes).toHaveLength(1);
  });
});

describe('hostile bytes', () => {
  test('graphs within graphs end at a depth', () => {
    let graph = around(field.graph.name, new Uint8Array());
    for (let depth = 0; depth < 2_000; depth++) {
      graph = around(field.graph.node, around(field.node.attribute, around(field.attribute.graph, graph)));
    }
    expect(() => decodeModel(around(field.model.graph, graph))).toThrow(/96 deep/);
  });

  test('millions of empty nodes are refused before they are made', () => {
    const nodes = new Uint8Array(8_000_000);
    for (let offset = 0; offset < nodes.length; offset += 2)
      nodes[offset] = field.graph.node * 8 + WireType.LengthDelimited;
    expect(() => decodeModel(around(field.model.graph, nodes))).toThrow(LimitExceeded);
  });

  test('so are millions of dimensions', () => {
    const dims = around(field.tensor.dims, new Uint8Array(40_000_000));
    expect(() => decodeModel(around(field.model.graph, around(field.graph.initializer, dims)))).toThrow(LimitExceeded);
  });

  test('a hundred million bytes of weights are not', () => {
    const raw = around(field.tensor.rawData, new Uint8Array(100_000_000));
    const model = decodeModel(around(field.model.graph, around(field.graph.initializer, raw)));
    expect(model.graph?.initializer[0]?.rawData.length).toBe(100_000_000);
  });
});

describe('a hundred thousand nodes', () => {
  const count = 100_000;
  const chain = (order: (index: number) => number) =>
    modelBytes({
      input: [value('v0')],
      output: [value(`v${count}`)],
      node: Array.from({ length: count }, (_, index) => ({
        opType: 'Relu',
        input: [`v${order(index)}`],
        output: [`v${order(index) + 1}`],
      })),
    });

  test.each([
    ['in order', (index: number) => index],
    ['backwards', (index: number) => count - 1 - index],
  ])('%s, are read in seconds', (_what, order) => {
    const bytes = chain(order);
    const start = performance.now();
    const { nodes } = importOnnx(bytes);
    expect(performance.now() - start).toBeLessThan(8_000);
    expect(nodes).toHaveLength(count);
    expect([nodes[0]?.inputs, nodes.at(-1)?.outputs]).toEqual([['v0'], [`v${count}`]]);
  });

  test('in one cycle, are refused in seconds', () => {
    const cycle = modelBytes({
      input: [value('x')],
      output: [value('v0')],
      node: Array.from({ length: count }, (_, index) => ({
        opType: 'Relu',
        input: [`v${index}`],
        output: [`v${(index + 1) % count}`],
      })),
    });
    expect(() => importOnnx(cycle)).toThrow(/100000 node\(s\) wait for one another/);
  });
});
