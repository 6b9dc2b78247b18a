/** The constants of quantized models in safetensors files: codes packed to their width, and parameters as JSON. */
import { create } from '@bufbuild/protobuf';
import { TensorProtoSchema } from 'onnx-buf';
import { MalformedModel } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import type { Graph, GraphNode } from '../graph/graph.ts';
import { hostBytes } from '../graph/hostBytes.ts';
import { bitsOf, type ElementType, type HostTensor, integerRange } from '../graph/hostTensor.ts';
import { isOnnx } from '../graph/passes/quantization.ts';
import { readSafetensors, type SafetensorsType, type StoredTensor, writeSafetensors } from '../io/safetensors.ts';
import { pack, packedBytes, unpack } from '../quant/packing.ts';
import { dataTypeOf, importTensor } from './tensor.ts';

/** What a file's metadata says, in JSON, of a tensor of codes. */
export interface StoredQuantization {
  /** Type and shape of the codes when they are unpacked. */
  readonly elementType: ElementType;
  readonly shape: Shape;
  /** Bits of a code in the packed stream, 1 to 8; absent where the codes are elements of the file, as those of int32. */
  readonly bits?: number;
  /** Name of the tensor of scales, where it is one of the file; codes stand for (code - zero point) · scale. */
  readonly scale?: string;
  /** Name of the tensor of entries, where codes are places in that; they stand for entry · scale, or for the entry itself. */
  readonly codebook?: string;
  /** Name of the tensor of zero points, where it is one of the file; they are 0 otherwise. */
  readonly zeroPoint?: string;
  /** Axis that scales go along; absent where there is one for all. */
  readonly axis?: number;
  /** Elements along the axis that share a scale; absent where that is one. */
  readonly blockSize?: number;
}

/** The constants of a model as a file has them. */
export interface StoredWeights {
  readonly tensors: ReadonlyMap<string, HostTensor>;
  /** By the name of a tensor of codes. */
  readonly quantization: ReadonlyMap<string, StoredQuantization>;
}

const types = new Map<ElementType, SafetensorsType>([
  ['float32', 'F32'],
  ['float64', 'F64'],
  ['float16', 'F16'],
  ['int64', 'I64'],
  ['int32', 'I32'],
  ['int16', 'I16'],
  ['int8', 'I8'],
  ['uint64', 'U64'],
  ['uint32', 'U32'],
  ['uint16', 'U16'],
  ['uint8', 'U8'],
  ['bool', 'BOOL'],
]);

/** Names in the metadata. */
const formatKey = 'format';
const quantizationKey = 'quantization';
const formatName = 'cuanta';

/**
 * Writes the constants of a graph in QDQ form. Codes of up to 8 bits are bit streams as `pack` makes them, of the least width
 * that holds all codes of the tensor: 5-bit codes take 5 bits, whatever type the graph has them in. All other constants are
 * tensors of their own types. The metadata has `format` "cuanta" and `quantization`, a JSON object of `StoredQuantization` by
 * name. `fromSafetensors` gives equal constants.
 *
 * @throws InvalidInput for a constant named `__metadata__`
 */
export function toSafetensors(graph: Graph): Uint8Array<ArrayBuffer> {
  const readers = readersOf(graph);
  const tensors = new Map<string, StoredTensor>();
  const quantization: [string, StoredQuantization][] = [];
  for (const [name, tensor] of graph.initializers) {
    const { elementType, shape, data } = tensor;
    const reader = readers.get(name);
    // Types below 8 bits have no name in the file.
    const isPacked = bitsOf(elementType) < 8 || (reader && (elementType === 'int8' || elementType === 'uint8'));
    const bits = isPacked ? widthOf(tensor) : undefined;
    if (reader || isPacked) {
      const parameters =
        reader && isOnnx(reader, 'Gather') ? tableOf(graph, tensor, reader) : evenly(graph, tensor, reader);
      quantization.push([name, { ...parameters, ...(bits && { bits }) }]);
    }
    const type = types.get(elementType);
    const bytes = bits === undefined ? hostBytes(tensor) : pack(data, bits);
    tensors.set(name, { type: bits || !type ? 'U8' : type, shape: bits ? [bytes.length] : shape, bytes });
  }
  const json = `{${quantization.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
  const metadata = new Map([
    [formatKey, formatName],
    [quantizationKey, json],
  ]);
  return writeSafetensors({ tensors, metadata });
}

/** The least width, from 1 bit on, that holds all codes. */
function widthOf({ elementType, data }: HostTensor): number {
  let [least, greatest] = [0, 0];
  for (const code of data) [least, greatest] = [Math.min(least, code), Math.max(greatest, code)];
  const fits = (bits: number): boolean =>
    isSigned(elementType) ? least >= -(2 ** (bits - 1)) && greatest <= 2 ** (bits - 1) - 1 : greatest <= 2 ** bits - 1;
  let bits = 1;
  while (!fits(bits)) bits++;
  return bits;
}

const isSigned = (elementType: ElementType): boolean => (integerRange(elementType)?.[0] ?? 0) < 0;

/** The nodes that make numbers of codes, by the names of these: DequantizeLinear, or Gather of a constant table behind a Cast. */
function readersOf({ nodes, initializers }: Graph): ReadonlyMap<string, GraphNode> {
  const readers = new Map<string, GraphNode>();
  const cast = new Map<string, string>();
  for (const node of nodes) {
    const [first = '', second = ''] = node.inputs;
    if (isOnnx(node, 'Cast') && initializers.has(first)) cast.set(node.outputs[0] ?? '', first);
    const codes = cast.get(second);
    if (isOnnx(node, 'DequantizeLinear')) readers.set(first, node);
    else if (isOnnx(node, 'Gather') && codes !== undefined && initializers.has(first)) readers.set(codes, node);
  }
  return readers;
}

/** What the metadata says of codes that are places in a table: the table, and the scales that its entries are multiplied by. */
function tableOf({ nodes, initializers }: Graph, codes: HostTensor, reader: GraphNode): StoredQuantization {
  const { elementType, shape } = codes;
  const [codebook = ''] = reader.inputs;
  const [entries = ''] = reader.outputs;
  const product = nodes.find((node) => isOnnx(node, 'Mul') && node.inputs[0] === entries);
  const factor = product?.inputs[1] ?? '';
  const spread = nodes.find((node) => isOnnx(node, 'Gather') && node.outputs[0] === factor);
  const scale = initializers.has(factor) ? factor : (spread?.inputs[0] ?? '');
  const scales = initializers.get(scale);
  if (!scales) return { elementType, shape, codebook };
  const groups = initializers.get(spread?.inputs[1] ?? '');
  if (!groups) return { elementType, shape, codebook, scale, axis: scales.shape.findIndex((length) => length > 1) };
  const blockSize = groups.data.filter((group) => group === 0).length;
  return { elementType, shape, codebook, scale, axis: Number(spread?.attributes.get('axis') ?? 0), blockSize };
}

function evenly(
  { initializers }: Graph,
  { elementType, shape }: HostTensor,
  reader: GraphNode | undefined,
): StoredQuantization {
  const [, scale = '', zeroPoint = ''] = reader?.inputs ?? [];
  const attribute = (name: string): number => Number(reader?.attributes.get(name) ?? (name === 'axis' ? 1 : 0));
  const isWhole = elementCount(initializers.get(scale)?.shape ?? []) === 1;
  const blockSize = attribute('block_size');
  return {
    elementType,
    shape,
    ...(initializers.has(scale) && { scale }),
    ...(initializers.has(zeroPoint) && { zeroPoint }),
    ...(!isWhole && { axis: attribute('axis') }),
    ...(blockSize > 0 && { blockSize }),
  };
}

/**
 * Reads the constants that `toSafetensors` wrote, equal in type, shape and every element.
 *
 * @throws MalformedModel for a file that is damaged or was not written by `toSafetensors`, LimitExceeded for 64-bit integers
 * beyond ±(2⁵³ − 1)
 */
export function fromSafetensors(bytes: Uint8Array): StoredWeights {
  const { tensors, metadata } = readSafetensors(bytes);
  if (metadata.get(formatKey) !== formatName) {
    throw new MalformedModel(
      `The safetensors file has the format ${JSON.stringify(metadata.get(formatKey))}, not "${formatName}"; write it with toSafetensors, or read it with readSafetensors.`,
    );
  }
  const quantization = parseQuantization(metadata.get(quantizationKey) ?? '');
  for (const name of quantization.keys()) {
    if (!tensors.has(name)) throw damaged(name, 'is not there, but its parameters are');
  }
  const found = [...tensors].map(([name, stored]) => [name, restored(name, stored, quantization.get(name))] as const);
  return { tensors: new Map(found), quantization };
}

const damaged = (name: string, what: string): MalformedModel =>
  new MalformedModel(`The tensor "${name}" of the safetensors file ${what}; the file is damaged: save it again.`);

function restored(
  name: string,
  { type, shape, bytes }: StoredTensor,
  codes: StoredQuantization | undefined,
): HostTensor {
  const elementType = codes?.elementType ?? [...types].find(([, own]) => own === type)?.[0];
  if (!elementType) throw damaged(name, `has elements of type ${type}, which constants do not have`);
  if (codes?.bits === undefined) {
    if (type !== types.get(elementType))
      throw damaged(name, `has elements of type ${type}, but should have ${elementType}`);
    const proto = create(TensorProtoSchema, {
      dims: shape.map(BigInt),
      dataType: dataTypeOf(elementType),
      rawData: new Uint8Array(bytes),
    });
    return importTensor(proto, `The tensor "${name}"`);
  }
  const count = codes.shape.includes(0) ? 0 : elementCount(codes.shape);
  if (type !== 'U8' || bytes.length !== packedBytes(count, codes.bits)) {
    throw damaged(name, `has ${bytes.length} bytes of ${type} for ${count} codes of ${codes.bits} bits`);
  }
  return { elementType, shape: codes.shape, data: unpack(bytes, codes.bits, count, isSigned(elementType)) };
}

function parseQuantization(json: string): ReadonlyMap<string, StoredQuantization> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    parsed = undefined;
  }
  if (typeof parsed !== 'object' || parsed === null)
    throw damaged(quantizationKey, 'is no JSON object in the metadata');
  return new Map(
    Object.entries(parsed).map(([name, entry]: [string, unknown]) => {
      if (!isQuantization(entry)) throw damaged(name, 'has parameters that are incomplete or out of range');
      return [name, entry];
    }),
  );
}

function isQuantization(entry: unknown): entry is StoredQuantization {
  if (typeof entry !== 'object' || entry === null) return false;
  const { elementType, shape, bits, scale, codebook, zeroPoint, axis, blockSize }: Partial<Record<string, unknown>> = {
    ...entry,
  };
  const isNatural = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
  const type = [...types.keys(), 'int4', 'uint4', 'int2', 'uint2'].find((known) => known === elementType);
  const widest = type && integerRange(type as ElementType) ? Math.min(bitsOf(type as ElementType), 8) : 0;
  return (
    type !== undefined &&
    Array.isArray(shape) &&
    shape.every(isNatural) &&
    isNatural(elementCount(shape)) &&
    (bits === undefined || (isNatural(bits) && Number(bits) >= 1 && Number(bits) <= widest)) &&
    [scale, codebook, zeroPoint].every((text) => text === undefined || typeof text === 'string') &&
    (axis === undefined || Number.isSafeInteger(axis)) &&
    (blockSize === undefined || isNatural(blockSize))
  );
}
