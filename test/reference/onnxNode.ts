import { create, toBinary } from '@bufbuild/protobuf';
import { AttributeProto_AttributeType, ModelProtoSchema, TensorProto_DataType } from 'onnx-buf';
import * as ort from 'onnxruntime-web';
import type { Attribute } from '../../src/graph/graph.ts';
import { bitsOf, type ElementType, type HostData, type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { pack } from '../../src/quant/packing.ts';
import type { NodeCase } from '../support/oneNode.ts';

const codes: Partial<Record<ElementType, TensorProto_DataType>> = {
  float32: TensorProto_DataType.FLOAT,
  float64: TensorProto_DataType.DOUBLE,
  int64: TensorProto_DataType.INT64,
  int32: TensorProto_DataType.INT32,
  int16: TensorProto_DataType.INT16,
  int8: TensorProto_DataType.INT8,
  uint64: TensorProto_DataType.UINT64,
  uint32: TensorProto_DataType.UINT32,
  uint16: TensorProto_DataType.UINT16,
  uint8: TensorProto_DataType.UINT8,
  int4: TensorProto_DataType.INT4,
  uint4: TensorProto_DataType.UINT4,
  int2: TensorProto_DataType.INT2,
  uint2: TensorProto_DataType.UINT2,
  bool: TensorProto_DataType.BOOL,
};

function codeOf(elementType: ElementType): TensorProto_DataType {
  const code = codes[elementType];
  if (code === undefined) throw new Error(`Cases with ${elementType} are not passed to ONNX Runtime.`);
  return code;
}

/** The elements in the array that ONNX Runtime and the raw data of a model hold them in. */
function rawArray({ elementType, data }: HostTensor): HostData | BigInt64Array | BigUint64Array {
  const big = (): bigint[] => Array.from(data, (value) => BigInt(value));
  if (elementType === 'int64') return BigInt64Array.from(big());
  if (elementType === 'uint64') return BigUint64Array.from(big());
  return bitsOf(elementType) < 8 ? pack(data, bitsOf(elementType)) : data;
}

function tensorProto(name: string, value: HostTensor) {
  const raw = rawArray(value);
  return {
    name,
    dataType: codeOf(value.elementType),
    dims: value.shape.map((length) => BigInt(length)),
    rawData: new Uint8Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength) as ArrayBuffer),
  };
}

/** Whole numbers become integer attributes, and so do lists of them, unless they are named in `floats`. */
function attributeProto(name: string, value: Attribute, floats: readonly string[]) {
  const bytes = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(new TextEncoder().encode(text));
  const isWhole = (number: number): boolean => Number.isInteger(number) && !floats.includes(name);
  if (typeof value === 'string') return { name, type: AttributeProto_AttributeType.STRING, s: bytes(value) };
  if (typeof value === 'number') {
    if (isWhole(value)) return { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) };
    return { name, type: AttributeProto_AttributeType.FLOAT, f: value };
  }
  if ('data' in value) return { name, type: AttributeProto_AttributeType.TENSOR, t: tensorProto('', value) };
  if ('nodes' in value) throw new Error('Cases with subgraphs are not passed to ONNX Runtime.');
  const numbers = value.filter((item) => typeof item === 'number');
  if (numbers.length < value.length) {
    const texts = value.map((item) => bytes(String(item)));
    return { name, type: AttributeProto_AttributeType.STRINGS, strings: texts };
  }
  if (numbers.every(isWhole)) return { name, type: AttributeProto_AttributeType.INTS, ints: numbers.map(BigInt) };
  return { name, type: AttributeProto_AttributeType.FLOATS, floats: numbers };
}

/** A node case, and which of its attributes are floats even if they look whole. */
export interface ReferenceCase extends NodeCase {
  readonly floatAttributes?: readonly string[];
  /** A type to cast the output to: ONNX Runtime for the web hands out none of less than 8 bits. */
  readonly castTo?: ElementType;
}

/** A model of one node, whose `constants` are initializers. */
function modelOf({ operator, opset = 21, attributes = {}, inputs, ...options }: ReferenceCase): Uint8Array {
  const { outputCount = 1, constants = [], floatAttributes = [], castTo } = options;
  const nodeOutput = castTo ? 'narrow' : 'output';
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [
      { domain: operator.domain, version: BigInt(operator.domain === '' ? opset : 1) },
      ...(operator.domain === '' ? [] : [{ domain: '', version: BigInt(opset) }]),
    ],
    graph: {
      name: operator.name,
      node: [
        {
          opType: operator.name,
          domain: operator.domain,
          name: 'node',
          input: inputs.map((value, index) => (value ? `input${index}` : '')),
          output: Array.from({ length: outputCount }, (_, index) => `${nodeOutput}${index}`),
          attribute: Object.entries(attributes).map(([name, value]) => attributeProto(name, value, floatAttributes)),
        },
        ...(castTo
          ? [
              {
                opType: 'Cast',
                input: ['narrow0'],
                output: ['output0'],
                attribute: [attributeProto('to', codeOf(castTo), [])],
              },
            ]
          : []),
      ],
      input: inputs.flatMap((value, index) =>
        value && !constants.includes(index)
          ? [
              {
                name: `input${index}`,
                type: {
                  value: {
                    case: 'tensorType' as const,
                    value: {
                      elemType: codeOf(value.elementType),
                      shape: {
                        dim: value.shape.map((length) => ({
                          value: { case: 'dimValue' as const, value: BigInt(length) },
                        })),
                      },
                    },
                  },
                },
              },
            ]
          : [],
      ),
      initializer: inputs.flatMap((value, index) =>
        value && constants.includes(index) ? [tensorProto(`input${index}`, value)] : [],
      ),
      output: Array.from({ length: outputCount }, (_, index) => ({ name: `output${index}` })),
    },
  });
  return toBinary(ModelProtoSchema, model);
}

/** The outputs of a node as ONNX Runtime computes them (WebAssembly, no graph optimization). */
export async function runReference(nodeCase: ReferenceCase): Promise<HostTensor[]> {
  const session = await ort.InferenceSession.create(modelOf(nodeCase), {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'disabled',
    logSeverityLevel: 3,
  });
  try {
    const constants = nodeCase.constants ?? [];
    const feeds = Object.fromEntries(
      nodeCase.inputs.flatMap((value, index) => {
        if (!value || constants.includes(index)) return [];
        const type = value.elementType as 'float32';
        return [[`input${index}`, new ort.Tensor(type, rawArray(value) as Float32Array, value.shape)] as const];
      }),
    );
    const results = await session.run(feeds);
    return Array.from({ length: nodeCase.outputCount ?? 1 }, (_, index) => {
      const result = results[`output${index}`];
      if (!result) throw new Error(`ONNX Runtime gave no output ${index}.`);
      const type = result.type as ElementType;
      const values = Array.from(result.data as ArrayLike<number | bigint>, Number);
      return hostTensor(type, result.dims, values);
    });
  } finally {
    await session.release();
  }
}
