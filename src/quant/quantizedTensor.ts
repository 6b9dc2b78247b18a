import { DisposedTensor, InvalidQuantization, ShapeMismatch } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import type { Allocation } from '../gpu/allocation.ts';
import type { Tensor, TensorReader } from '../gpu/tensor.ts';
import type { Granularity } from './granularity.ts';
import { packedBytes, unpack } from './packing.ts';
import type { CodeFormat, QuantizationParameters, QuantizationScheme, Rounding } from './parameters.ts';

/**
 * How codes lie in memory, as little-endian bit streams (see `pack`):
 * - `flat`: one stream of all elements in row-major order;
 * - `rows`: a stream for each row along the last axis (the left operand of a matmul);
 * - `columns`: the last two axes transposed, a stream for each column (the right operand of a matmul).
 *
 * Rows and columns begin at multiples of 16 bytes, with zeros between. 8-bit rows are laid out as int8 and uint8 tensors.
 */
export type CodeLayout = 'flat' | 'rows' | 'columns';

/** Where the streams of a layout are, and which elements they hold. */
export interface CodeStreams {
  /** Number of streams. */
  readonly unitCount: number;
  /** 32-bit words of each stream. */
  readonly unitWords: number;
  /** Elements of each stream. */
  readonly length: number;
  /** From one element of a stream to the next, in row-major order: more than 1 for columns. */
  readonly elementStep: number;
}

/**
 * The streams of a tensor in a layout.
 * @throws InvalidQuantization for a layout that there is not, ShapeMismatch for columns of a tensor with fewer than two
 * axes.
 */
export function streamsOf(shape: Shape, bits: number, layout: CodeLayout): CodeStreams {
  if (layout === 'flat') {
    const length = elementCount(shape);
    return { unitCount: length === 0 ? 0 : 1, unitWords: Math.ceil((length * bits) / 32), length, elementStep: 1 };
  }
  if (layout !== 'rows' && layout !== 'columns') {
    throw new InvalidQuantization(`There is no layout "${String(layout)}"; use "flat", "rows" or "columns".`);
  }
  if (layout === 'columns' && shape.length < 2) {
    throw new ShapeMismatch(
      `Layout "columns" needs at least two axes, but the shape is [${shape}]; reshape the tensor, or use "flat".`,
    );
  }
  const lastLength = shape.at(-1) ?? 1;
  const length = layout === 'rows' ? lastLength : (shape.at(-2) ?? 1);
  const unitWords = Math.ceil((length * bits) / 128) * 4;
  const unitCount = length === 0 ? 0 : elementCount(shape) / length;
  return { unitCount, unitWords, length, elementStep: layout === 'rows' ? 1 : lastLength };
}

/** Bytes of GPU memory that the streams take. */
export function streamBytes({ unitCount, unitWords }: CodeStreams): number {
  return unitCount * unitWords * 4;
}

/** Something that holds GPU memory. */
export interface Attachment {
  dispose(): void;
}

/** A tensor of n-bit integer codes on the GPU, with the scales and zero points that give them meaning. */
export class QuantizedTensor implements QuantizationScheme {
  readonly shape: Shape;
  readonly bits: number;
  readonly signed: boolean;
  readonly scheme: CodeFormat['scheme'];
  readonly granularity: Granularity;
  readonly rounding: Rounding;
  readonly layout: CodeLayout;
  /** One scale per parameter: x ≈ (code − zero point) · scale. */
  readonly scales: Tensor<'float32'>;
  /** One zero point per parameter; all 0, or all 2ⁿ⁻¹ if unsigned, for symmetric schemes. */
  readonly zeroPoints: Tensor<'int32'>;
  readonly #reader: TensorReader;
  readonly #attachments = new Map<symbol, Attachment>();
  #data: Allocation | undefined;

  /** Takes over the codes and the parameters: they are released with it. */
  constructor(
    reader: TensorReader,
    data: Allocation,
    shape: Shape,
    scheme: QuantizationScheme,
    layout: CodeLayout,
    parameters: QuantizationParameters,
  ) {
    this.#reader = reader;
    this.#data = data;
    this.shape = Object.freeze([...shape]);
    this.bits = scheme.bits;
    this.signed = scheme.signed;
    this.scheme = scheme.scheme;
    this.granularity = scheme.granularity;
    this.rounding = scheme.rounding;
    this.layout = layout;
    this.scales = parameters.scales;
    this.zeroPoints = parameters.zeroPoints;
  }

  /** Number of elements. */
  get size(): number {
    return elementCount(this.shape);
  }

  /** True where the codes are signs (one symmetric bit): a stored 1 is +scale and a stored 0 is −scale. */
  get isSign(): boolean {
    return this.bits === 1 && this.scheme === 'symmetric';
  }

  /** True after `dispose()`. */
  get disposed(): boolean {
    return this.#data === undefined;
  }

  /**
   * The GPU memory of the codes, for binding to a kernel.
   * @throws DisposedTensor
   */
  get data(): Allocation {
    if (!this.#data) throw this.#disposedError();
    return this.#data;
  }

  /** Where the streams of codes are in `data`. */
  get streams(): CodeStreams {
    return streamsOf(this.shape, this.bits, this.layout);
  }

  /** Bytes of the codes at n bits each, with their scales and, if asymmetric, zero points, as they would be stored. */
  get bytes(): number {
    const zeroPointBytes = this.scheme === 'asymmetric' ? packedBytes(this.zeroPoints.size, this.bits) : 0;
    return packedBytes(this.size, this.bits) + this.scales.size * 4 + zeroPointBytes;
  }

  /**
   * Copies the codes to the CPU, in row-major order: int8 if signed, else uint8. One symmetric bit reads as −1 and +1 if
   * signed, else as the stored 0 and 1.
   * @throws DisposedTensor, and whatever went wrong in computing the codes: a non-finite input (`InvalidInput`), a scale
   * or zero point out of range (`InvalidQuantization`), `OutOfMemory`, `DeviceLost`.
   */
  async read(): Promise<Int8Array<ArrayBuffer> | Uint8Array<ArrayBuffer>> {
    const { bits, signed, isSign, streams, size } = this;
    const { unitCount, unitWords, length, elementStep } = streams;
    const bytes = new Uint8Array(await this.#reader.readBytes(this.data, streamBytes(streams)));
    const codes = signed ? new Int8Array(size) : new Uint8Array(size);
    for (let unit = 0; unit < unitCount; unit++) {
      const stream = bytes.subarray(unit * unitWords * 4, (unit + 1) * unitWords * 4);
      const unpacked = unpack(stream, bits, length, signed && !isSign);
      const start = Math.floor(unit / elementStep) * length * elementStep + (unit % elementStep);
      if (elementStep === 1) codes.set(unpacked, start);
      else for (let j = 0; j < length; j++) codes[start + j * elementStep] = unpacked[j] ?? 0;
    }
    if (isSign && signed) for (let index = 0; index < size; index++) codes[index] = 2 * (codes[index] ?? 0) - 1;
    return codes;
  }

  /** Keeps something made from this tensor, such as a form that a kernel prefers, until this is disposed. @throws DisposedTensor */
  attach(key: symbol, value: Attachment): void {
    if (!this.#data) {
      value.dispose();
      throw this.#disposedError();
    }
    this.#attachments.get(key)?.dispose();
    this.#attachments.set(key, value);
  }

  /** What was attached under a key. */
  attachment(key: symbol): Attachment | undefined {
    return this.#attachments.get(key);
  }

  /** Releases the GPU memory, parameters and attachments included. A second call does nothing. */
  dispose(): void {
    if (!this.#data) return;
    this.#data.release();
    this.#data = undefined;
    this.scales.dispose();
    this.zeroPoints.dispose();
    for (const attached of this.#attachments.values()) attached.dispose();
    this.#attachments.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #disposedError(): DisposedTensor {
    return new DisposedTensor(
      `A quantized tensor of shape [${this.shape}] was used after dispose(); keep it until its last use.`,
    );
  }
}
