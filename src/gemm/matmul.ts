import { InvalidQuantization, ShapeMismatch } from '../base/errors.ts';
import { elementCount } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { assertFloats, type Tensor } from '../gpu/tensor.ts';
import { dequantize } from '../quant/dequantize.ts';
import { perChannel, perTensor } from '../quant/granularity.ts';
import { assertParameters } from '../quant/parameters.ts';
import { quantize } from '../quant/quantize.ts';
import { QuantizedTensor } from '../quant/quantizedTensor.ts';
import { type Activation, type ActivationPlan, activate, planActivation } from './activation.ts';
import { type ProductShape, productShape } from './batches.ts';
import { type CodeSource, isTensorOf8Bits, sourceOfQuantized, sourceOfTensor } from './codeSource.ts';
import { recordFloatProduct } from './floatProduct.ts';
import { integerSums, scaledProduct } from './integerMatmul.ts';
import { preparedOf } from './operand.ts';
import { type Requantization, recordRequantization, requantizationOf } from './requantize.ts';
import { chooseFloat, floatKernelOf, type KernelChoice } from './select.ts';

/** How the left operand becomes integers. */
export interface ActivationQuantization {
  /** One scale for all of x, or one for each row; `tensor` unless given. */
  readonly granularity?: 'tensor' | 'row';
  /** The scheme of the 8 bits of a float x; `asymmetric` (uint8) unless given. */
  readonly scheme?: 'asymmetric' | 'symmetric';
  /**
   * The scale of x, above 0: for a float x in place of its own range, which then is not looked for; for an int8 or uint8
   * tensor what a code is worth, 1 unless given. With granularity `tensor` only.
   */
  readonly scale?: number;
  /** The zero point that goes with `scale`; 0 unless given. */
  readonly zeroPoint?: number;
}

/** Type of a product's elements: `float32`, `int32`, or 8 bits of a given scale. */
export type MatmulOutput = 'float32' | 'int32' | Requantization;

/** How to multiply. */
export interface MatmulOptions<O extends MatmulOutput = MatmulOutput> {
  /** [N], added to each row: float32 for a float32 result; int32 at the scale of x times that of w for the others. */
  readonly bias?: Tensor<'float32'> | Tensor<'int32'>;
  /** `none` unless given. Only those that bound a value go with an 8-bit result, none with int32. */
  readonly activation?: Activation;
  /** `float32` unless given. */
  readonly output?: O;
  /** How x becomes integers where w is quantized. */
  readonly activations?: ActivationQuantization;
}

/** The element type of a result. */
export type MatmulDType<O extends MatmulOutput> = O extends 'float32' | 'int32' ? O : 'int8' | 'uint8';

/** What the tests choose and nobody else. */
export interface MatmulInternals {
  /** A kernel in place of the one that `select` would take. */
  readonly kernel?: Omit<KernelChoice, 'reason'>;
}

/**
 * Multiplies matrices on the GPU: y [..., M, N] = activation(x [..., M, K] · w [..., K, N] + bias). Leading axes are
 * batches and broadcast; an empty K gives zeros.
 *
 * - float32 x and w: products and sums in f32.
 * - Quantized w: the codes are multiplied as integers, exactly; a float32 x is quantized to 8 bits by its own range
 *   before, all on the GPU without a readback. Scales go on afterwards. w may have one scale, one per column, or one per
 *   group along K (whose exact integer sums are added up in f32); x one scale or one per row. Where scales lie otherwise,
 *   or only x is quantized, what is quantized is dequantized, what is float stays so, and the product is that of f32.
 * - 8-bit results are requantized with integer arithmetic only: the same bits on every adapter.
 *
 * @throws ShapeMismatch; InvalidQuantization for an output, bias or activation that does not go with the operands;
 * LimitExceeded for an integer result whose sums may exceed 32 bits; DisposedTensor. A non-finite x makes reading the
 * result reject with `InvalidInput`.
 */
export function matmul<O extends MatmulOutput = 'float32'>(
  engine: Engine,
  x: Tensor<'float32' | 'int8' | 'uint8'> | QuantizedTensor,
  w: Tensor<'float32'> | QuantizedTensor,
  options: MatmulOptions<O> = {},
): Tensor<MatmulDType<O>> {
  return multiply(engine, x, w, options, {}) as Tensor<MatmulDType<O>>;
}

/** `matmul` with what the tests choose. */
export function multiply(
  engine: Engine,
  x: Tensor<'float32' | 'int8' | 'uint8'> | QuantizedTensor,
  w: Tensor<'float32'> | QuantizedTensor,
  options: MatmulOptions,
  internals: MatmulInternals,
): Tensor {
  const shape = productShape(x.shape, w.shape);
  const job: Job = { engine, shape, plan: planActivation(options.activation ?? 'none'), options, internals };
  assertOutput(job);
  const right = w instanceof QuantizedTensor ? sourceOfQuantized(w, 'right') : undefined;
  if (w instanceof QuantizedTensor && right) {
    const left = quantizedLeft(engine, x, options.activations ?? {});
    try {
      if (left.source) return integerMatmul(job, left.source, w, right);
    } finally {
      left.release();
    }
  }
  return dequantizedMatmul(job, x, w);
}

interface Job {
  readonly engine: Engine;
  readonly shape: ProductShape;
  readonly plan: ActivationPlan;
  readonly options: MatmulOptions;
  readonly internals: MatmulInternals;
}

function assertOutput({ shape, plan, options }: Job): void {
  const { bias, output = 'float32' } = options;
  if (bias && (bias.shape.length !== 1 || bias.size !== shape.N)) {
    throw new ShapeMismatch(`matmul: a bias of shape [${bias.shape}] was given; its shape must be [${shape.N}].`);
  }
  const biasType = output === 'float32' ? 'float32' : 'int32';
  if (bias && bias.dtype !== biasType) {
    throw new InvalidQuantization(
      `matmul: a ${bias.dtype} bias does not go with this output; give a ${biasType} bias${biasType === 'int32' ? ' at the scale of x times that of w' : ''}.`,
    );
  }
  if (typeof output === 'object') requantizationOf(output);
  const bounded = plan.lower > Number.NEGATIVE_INFINITY || plan.upper < Number.POSITIVE_INFINITY;
  if (output !== 'float32' && (plan.smooth || (output === 'int32' && bounded))) {
    throw new InvalidQuantization(
      `matmul: this activation cannot be applied to ${output === 'int32' ? 'int32' : '8-bit'} output; use float32 output${output === 'int32' ? '' : ', or bounds'}.`,
    );
  }
}

interface Left {
  /** Nothing where the scales of x lie along K. */
  readonly source: CodeSource | undefined;
  release(): void;
}

/** The left operand as codes: its own, or those of a float tensor, quantized now. */
function quantizedLeft(
  engine: Engine,
  x: Tensor<'float32' | 'int8' | 'uint8'> | QuantizedTensor,
  { granularity = 'tensor', scheme = 'asymmetric', scale, zeroPoint }: ActivationQuantization,
): Left {
  if (scale === undefined ? zeroPoint !== undefined : !(scale > 0) || granularity === 'row') {
    throw new InvalidQuantization(
      `matmul: activations have scale ${scale}, zero point ${zeroPoint} and granularity "${granularity}"; give a scale above 0 with a zero point, and granularity "tensor".`,
    );
  }
  if (granularity !== 'tensor' && granularity !== 'row') {
    throw new InvalidQuantization(
      `matmul: activations have granularity "${String(granularity)}"; use "tensor" or "row".`,
    );
  }
  const release = (): void => undefined;
  if (x instanceof QuantizedTensor) return { source: sourceOfQuantized(x, 'left'), release };
  if (isTensorOf8Bits(x)) {
    assertParameters([scale ?? 1], [zeroPoint ?? 0], { bits: 8, signed: x.dtype === 'int8', scheme: 'asymmetric' });
    return { release, source: sourceOfTensor(x, { scale: scale ?? 1, zeroPoint: zeroPoint ?? 0 }) };
  }
  // Rows of all batches: a scale for each is one along a single axis.
  const columnCount = x.shape.at(-1) ?? 1;
  const rows = (x as Tensor<'float32'>).reshape([elementCount(x.shape.slice(0, -1)), columnCount]);
  const given = scale === undefined ? {} : { scales: [scale] };
  const givenZero = scale === undefined || scheme === 'symmetric' ? {} : { zeroPoints: [zeroPoint ?? 0] };
  try {
    const tensor = quantize(engine, rows, {
      scheme,
      granularity: granularity === 'row' ? perChannel(0) : perTensor(),
      layout: 'rows',
      ...given,
      ...givenZero,
    });
    const source = sourceOfQuantized(tensor, 'left');
    // The batches of x again; the scales of rows go on counting through them.
    const M = x.shape.at(-2) ?? 1;
    const batchCount = elementCount(x.shape.slice(0, -2));
    const row = granularity === 'row' ? M : 0;
    const batched = source && {
      ...source,
      batchCount,
      rowCount: M,
      parameters: { ...source.parameters, batch: row },
      strides: { ...source.strides, wordBatch: source.strides.wordRow * M },
    };
    return { source: batched, release: () => tensor.dispose() };
  } finally {
    rows.dispose();
  }
}

function integerMatmul(job: Job, left: CodeSource, w: QuantizedTensor, right: CodeSource): Tensor {
  const { engine, shape, plan, options, internals } = job;
  const { bias, output = 'float32' } = options;
  const { kernel } = internals;
  const product = {
    shape,
    left,
    right,
    prepared: preparedOf(w),
    ...(bias ? { bias } : {}),
    ...(kernel ? { kernel } : {}),
  };
  if (output === 'float32') return scaledProduct(engine, product, plan);
  const sums = integerSums(engine, product);
  if (output === 'int32') return sums;
  try {
    const { lower, upper } = plan;
    return recordRequantization(engine, sums, { left, right, output: requantizationOf(output), lower, upper });
  } finally {
    sums.dispose();
  }
}

/** An operand as a float tensor, and whether it was made for this product. */
function floatsOf(
  engine: Engine,
  operand: Tensor | QuantizedTensor,
): { readonly tensor: Tensor; readonly made: boolean } {
  if (operand instanceof QuantizedTensor) return { tensor: dequantize(engine, operand), made: true };
  assertFloats(operand, 'matmul');
  return { tensor: operand, made: false };
}

/** The product in f32, of what is not float dequantized. */
function dequantizedMatmul(job: Job, x: Tensor | QuantizedTensor, w: Tensor | QuantizedTensor): Tensor {
  const { engine, shape, plan, options, internals } = job;
  const { bias, output = 'float32' } = options;
  if (output !== 'float32' || isTensorOf8Bits(x as Tensor)) {
    throw new InvalidQuantization(
      'matmul: these operands have no integer product (it takes quantized weights with scales per tensor, per output channel or per group along K, and x with one scale or one per row); quantize them so, or use float32 operands and output.',
    );
  }
  const a = floatsOf(engine, x);
  const b = floatsOf(engine, w);
  try {
    const batchCount = elementCount(shape.shape.slice(0, -2));
    const kernel = floatKernelOf(internals.kernel ?? chooseFloat(engine, { M: shape.M, N: shape.N, batchCount }));
    const y = engine.empty(shape.shape, 'float32');
    recordFloatProduct(engine, kernel, {
      shape,
      a: a.tensor.allocation,
      b: b.tensor.allocation,
      ...(bias ? { bias } : {}),
      lower: plan.lower,
      upper: plan.upper,
      y: y.allocation,
    });
    if (plan.smooth) activate(engine, y, plan.smooth);
    return y;
  } finally {
    if (a.made) a.tensor.dispose();
    if (b.made) b.tensor.dispose();
  }
}
