import { elementCount, type Shape } from '../../base/shape.ts';
import { matmul } from '../../gemm/matmul.ts';
import { chooseFloat } from '../../gemm/select.ts';
import type { Engine } from '../../gpu/engine.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { type HostTensor, isInteger } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator, RecordContext, StaticNode } from '../../graph/operator.ts';
import { recordFloats } from '../../quant/dequantize.ts';
import { mapParameters, perGroup } from '../../quant/granularity.ts';
import { packedBytes, unpack } from '../../quant/packing.ts';
import { streamsOf } from '../../quant/quantizedTensor.ts';
import { fitting } from './elementwise.ts';
import { hostInput, hostZeros } from './rearrange.ts';

interface PackedNode {
  readonly K: number;
  readonly N: number;
  readonly bits: number;
  readonly blockSize: number;
  /** Blocks of a column. */
  readonly blocks: number;
  readonly shape: Shape;
}

const defaultBits = 4;
const biasInput = 5;

function packedNode(context: NodeContext): PackedNode {
  const whole = (name: string): number => {
    const value = context.number(name) ?? context.fail(`attribute "${name}" is missing`);
    return Number.isSafeInteger(value) && value > 0 ? value : context.fail(`attribute "${name}" is ${value}`);
  };
  const [K, N, blockSize] = [whole('K'), whole('N'), whole('block_size')];
  const bits = context.number('bits', defaultBits);
  if (blockSize < 16 || !Number.isInteger(Math.log2(blockSize))) {
    context.fail(`its blocks are of ${blockSize}, but must be of a power of two, 16 at least`);
  }
  const blocks = Math.ceil(K / blockSize);
  const { shape } = context.input(0);
  if (shape.length === 0 || shape.at(-1) !== K) context.fail(`it multiplies [${shape}] by [${K}, ${N}]`);
  return { K, N, bits, blockSize, blocks, shape: [...shape.slice(0, -1), N] };
}

/** @throws MalformedModel for an input of another type or size than the attributes say. */
function assertInputs(context: NodeContext, { N, bits, blockSize, blocks }: PackedNode): void {
  const expect = (index: number, count: number): void => {
    const input = context.optionalInput(index);
    if (input && elementCount(input.shape) !== count) {
      context.fail(`input ${index} has shape [${input.shape}], but its ${N} columns of ${blocks} blocks take ${count}`);
    }
  };
  if (isInteger(context.input(0).elementType)) context.fail('input 0 must be floats');
  if (context.input(1).elementType !== 'uint8') context.fail('its packed weights must be uint8');
  expect(1, N * blocks * packedBytes(blockSize, bits));
  expect(2, N * blocks);
  const zeroPoint = context.optionalInput(3);
  if (zeroPoint && isInteger(zeroPoint.elementType)) {
    if (zeroPoint.elementType !== 'uint8') context.fail('its zero points must be packed in uint8, or floats');
    expect(3, N * packedBytes(blocks, bits));
  } else {
    expect(3, N * blocks);
  }
  expect(biasInput, N);
}

/** A zero point of each block of each column, [N, blocks]. */
function zeroPointsOf(packed: HostTensor | undefined, { N, bits, blocks }: PackedNode): Float32Array {
  if (packed && !isInteger(packed.elementType)) return Float32Array.from(packed.data);
  const zeroPoints = new Float32Array(N * blocks).fill(2 ** (bits - 1));
  if (!packed) return zeroPoints;
  const rowBytes = packedBytes(blocks, bits);
  const bytes = Uint8Array.from(packed.data);
  for (let column = 0; column < N; column++) {
    const row = bytes.subarray(column * rowBytes, (column + 1) * rowBytes);
    zeroPoints.set(unpack(row, bits, blocks, false), column * blocks);
  }
  return zeroPoints;
}

/** Weights that stay packed on the GPU. */
class PackedWeights {
  readonly #node: PackedNode;
  readonly #codes: Tensor<'uint8'>;
  readonly #scales: Tensor<'float32'>;
  readonly #zeroPoints: Tensor<'int32'>;
  readonly #fractional: boolean;

  constructor(engine: Engine, context: NodeContext, node: PackedNode) {
    const { K, N, bits, blockSize, blocks } = node;
    this.#node = node;
    const sourceBytes = blocks * packedBytes(blockSize, bits);
    const rowBytes = streamsOf([K, N], bits, 'columns').unitWords * 4;
    const usedBytes = Math.min(packedBytes(K, bits), sourceBytes);
    const source = Uint8Array.from(context.known(1).data);
    const rows = new Uint8Array(N * rowBytes);
    for (let column = 0; column < N; column++) {
      rows.set(source.subarray(column * sourceBytes, column * sourceBytes + usedBytes), column * rowBytes);
    }
    const zeroPoints = zeroPointsOf(context.optionalInput(3) && context.known(3), node);
    this.#fractional = !zeroPoints.every(Number.isInteger);
    this.#codes = engine.tensor(rows, [N, rowBytes]);
    // The kernel takes the parameters of all columns of a block together.
    const byBlock = (values: ArrayLike<number>): Float32Array<ArrayBuffer> =>
      Float32Array.from(
        { length: N * blocks },
        (_, index) => values[(index % N) * blocks + Math.floor(index / N)] ?? 0,
      );
    this.#scales = engine.tensor(byBlock(context.known(2).data), [blocks, N]);
    const zeros = byBlock(zeroPoints);
    this.#zeroPoints = engine.tensor(this.#fractional ? new Int32Array(zeros.buffer) : Int32Array.from(zeros), [
      blocks,
      N,
    ]);
  }

  /** The weights as floats [K, N], for one product. */
  unpacked(engine: Engine): Tensor<'float32'> {
    const { K, N, bits, blockSize } = this.#node;
    const y = engine.empty([K, N], 'float32');
    const job = {
      codes: this.#codes.allocation,
      streams: streamsOf([K, N], bits, 'columns'),
      bits,
      signed: false,
      sign: false,
      map: mapParameters(perGroup(0, blockSize), [K, N]),
      parameters: { scales: this.#scales, zeroPoints: this.#zeroPoints },
      fractional: this.#fractional,
    };
    recordFloats(engine, job, y);
    return y;
  }

  dispose(): void {
    for (const tensor of [this.#codes, this.#scales, this.#zeroPoints]) tensor.dispose();
  }
}

function record(context: RecordContext, node: PackedNode): Tensor {
  const { engine, context: nodeContext } = context;
  const { K, N, shape } = node;
  if (elementCount(shape) === 0) return engine.empty(shape, 'float32');
  const make = (): PackedWeights => new PackedWeights(engine, nodeContext, node);
  const isConstant = [1, 2, 3].every((index) => nodeContext.optionalInput(index)?.constant ?? true);
  const weights = isConstant ? context.constant('packed', make) : make();
  const bias = context.optionalTensor(biasInput) as Tensor<'float32'> | undefined;
  using x = (context.tensor(0) as Tensor<'float32'>).reshape([elementCount(shape) / N, K]);
  using w = weights.unpacked(engine);
  using row = bias?.reshape([N]);
  using y = matmul(engine, x, w, row ? { bias: row } : {});
  if (!isConstant) weights.dispose();
  return y.reshape(shape);
}

function unsupported({ node }: StaticNode): string | undefined {
  const bits = node.attributes.get('bits') ?? defaultBits;
  if (bits !== 2 && bits !== 4 && bits !== 8) return `its weights have ${String(bits)} bits; 2, 4 and 8 are computed`;
  return node.inputs[4] ? 'its columns have an order of their own (g_idx), which is not computed' : undefined;
}

/** Floats times weights of 2, 4 or 8 bits in blocks along K: (code − zero point) · scale, products and sums in f32. */
export const MatMulNBits: Operator = {
  name: 'MatMulNBits',
  domain: 'com.microsoft',
  unsupported,
  infer: (context) => {
    const node = packedNode(context);
    assertInputs(context, node);
    return [{ elementType: context.input(0).elementType, shape: node.shape }];
  },
  evaluate: (context, inputs) => {
    const node = packedNode(context);
    const { K, N, bits, blockSize, blocks, shape } = node;
    const [x, packed, scales] = [0, 1, 2].map((index) => hostInput(context, inputs, index).data);
    const zeroPoints = zeroPointsOf(inputs[3], node);
    const bias = inputs[biasInput]?.data;
    const type = context.input(0).elementType;
    const result = hostZeros(context, type, shape);
    const toType = fitting(type);
    const codes = unpack(Uint8Array.from(packed ?? []), bits, N * blocks * blockSize, false);
    for (let column = 0; column < N; column++) {
      const weights = Float64Array.from({ length: K }, (_, k) => {
        const block = column * blocks + Math.floor(k / blockSize);
        const steps = (codes[column * blocks * blockSize + k] ?? 0) - (zeroPoints[block] ?? 0);
        return Math.fround(Math.fround(steps) * (scales?.[block] ?? 0));
      });
      for (let row = 0; row < elementCount(shape) / N; row++) {
        const sum = weights.reduce((total, weight, k) => total + weight * (x?.[row * K + k] ?? 0), bias?.[column] ?? 0);
        result.data[row * N + column] = toType(sum);
      }
    }
    return [result];
  },
  record: (context) => [record(context, packedNode(context.context))],
  explain: (context, engine) => {
    const { K, N, bits, blockSize, shape } = packedNode(context);
    const { kernel } = chooseFloat(engine, { M: elementCount(shape) / N, N, batchCount: 1 });
    return `weights [${K}, ${N}] of ${bits} bits in blocks of ${blockSize}, unpacked for each product; f32 by the ${kernel} kernel`;
  },
};
