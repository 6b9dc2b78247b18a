import type { Shape } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { type BindingFields, type Dispatch, declareKernel, type Kernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import type { UniformValues } from '../gpu/uniforms.ts';
import { axesOf, type Window, windowFields, windowUniforms } from './geometry.ts';

const uniforms = {
  elementStart: 'u32',
  elementEnd: 'u32',
  inputDepth: 'u32',
  inputHeight: 'u32',
  inputWidth: 'u32',
  outputDepth: 'u32',
  outputHeight: 'u32',
  outputWidth: 'u32',
  ...windowFields,
  afterDepth: 'i32',
  afterHeight: 'i32',
  afterWidth: 'i32',
  countPadding: 'u32',
  indexDepth: 'u32',
  indexHeight: 'u32',
  indexWidth: 'u32',
  lowest: 'i32',
  exponent: 'f32',
} as const;
const bindings = { x: 'read', y: 'write' } as const;
const name = 'conv/pool';
const maximumKernel = declareKernel({ name, entryPoint: 'maximum', uniforms, bindings });
const indexedKernel = declareKernel({
  name,
  entryPoint: 'indexedMaximum',
  uniforms,
  bindings: { ...bindings, indices: 'write' },
});
const meanKernel = declareKernel({ name, entryPoint: 'mean', uniforms, bindings });

/** The least finite float32, and its bits. */
export const lowestFloat = -3.4028234663852886e38;
const lowestFloatBits = 0xff7fffff | 0;

/** Where the windows of a pooling lie. */
export interface PoolPlaces {
  readonly window: Window;
  /** Spatial lengths of the result. */
  readonly outputLengths: Shape;
}

/** How to find maxima. */
export interface MaximumOptions extends PoolPlaces {
  /** Counts the last spatial axis slowest in the indices; false unless given. */
  readonly columnMajor?: boolean;
  /** For int32, the maximum of a window that covers no element: −2³¹ unless given. For float32 it is the least finite one. */
  readonly lowest?: number;
}

/** How to average. */
export interface MeanOptions extends PoolPlaces {
  /** Whether places in the padding count, as zeros; false unless given. */
  readonly countPadding?: boolean;
  /** Places of padding after the last element of each spatial axis, which count where `countPadding`. */
  readonly padsAfter?: readonly number[];
}

/** How to take norms. */
export interface PowerOptions extends PoolPlaces {
  /** p, above 0: the result is the p-th root of the sum of |x|^p. */
  readonly exponent: number;
}

/** Maxima of windows of x [batch, channels, …spatial]. */
export function maximumPool<D extends 'float32' | 'int32'>(
  engine: Engine,
  x: Tensor<D>,
  options: MaximumOptions,
): Tensor<D> {
  const y = resultOf(engine, x, options);
  record(engine, maximumKernel, { x, y }, maximumUniforms(x, options), { integer: x.dtype === 'int32' });
  return y;
}

/**
 * Maxima of windows of x [batch, channels, …spatial] and where in x they are, as positions among all of its elements: the
 * first of equal ones; −1 for a window that covers no element.
 */
export function indexedMaximumPool<D extends 'float32' | 'int32'>(
  engine: Engine,
  x: Tensor<D>,
  options: MaximumOptions,
): { readonly values: Tensor<D>; readonly indices: Tensor<'int32'> } {
  const values = resultOf(engine, x, options);
  const indices = engine.empty(values.shape, 'int32');
  const operands = { x, y: values, indices };
  record(engine, indexedKernel, operands, maximumUniforms(x, options), { integer: x.dtype === 'int32' });
  return { values, indices };
}

/** Means of windows of x [batch, channels, …spatial]; 0 for a window that covers nothing that counts. */
export function meanPool(engine: Engine, x: Tensor<'float32'>, options: MeanOptions): Tensor<'float32'> {
  const y = resultOf(engine, x, options);
  const after = axesOf(options.padsAfter ?? [], 0);
  record(
    engine,
    meanKernel,
    { x, y },
    {
      ...placeUniforms(x, options),
      afterDepth: after.depth,
      afterHeight: after.height,
      afterWidth: after.width,
      countPadding: options.countPadding ? 1 : 0,
    },
    { power: false },
  );
  return y;
}

/** Norms of windows of x [batch, channels, …spatial]. */
export function powerPool(engine: Engine, x: Tensor<'float32'>, options: PowerOptions): Tensor<'float32'> {
  const y = resultOf(engine, x, options);
  record(engine, meanKernel, { x, y }, { ...placeUniforms(x, options), exponent: options.exponent }, { power: true });
  return y;
}

type Values = UniformValues<typeof uniforms>;

function resultOf<D extends 'float32' | 'int32'>(
  engine: Engine,
  x: Tensor<D>,
  { outputLengths }: PoolPlaces,
): Tensor<D> {
  return engine.empty([...x.shape.slice(0, 2), ...outputLengths], x.dtype);
}

function placeUniforms(x: Tensor, { window, outputLengths }: PoolPlaces): Values {
  const input = axesOf(x.shape.slice(2), 1);
  const output = axesOf(outputLengths, 1);
  return {
    elementStart: 0,
    elementEnd: 0,
    inputDepth: input.depth,
    inputHeight: input.height,
    inputWidth: input.width,
    outputDepth: output.depth,
    outputHeight: output.height,
    outputWidth: output.width,
    ...windowUniforms(window),
    afterDepth: 0,
    afterHeight: 0,
    afterWidth: 0,
    countPadding: 0,
    indexDepth: 0,
    indexHeight: 0,
    indexWidth: 0,
    lowest: 0,
    exponent: 1,
  };
}

function maximumUniforms(x: Tensor, options: MaximumOptions): Values {
  const places = placeUniforms(x, options);
  const { inputDepth, inputHeight, inputWidth } = places;
  const { columnMajor = false, lowest } = options;
  return {
    ...places,
    indexDepth: columnMajor ? 1 : inputHeight * inputWidth,
    indexHeight: columnMajor ? inputDepth : inputWidth,
    indexWidth: columnMajor ? inputDepth * inputHeight : 1,
    lowest: x.dtype === 'float32' ? lowestFloatBits : (lowest ?? -(2 ** 31)),
  };
}

function record<B extends BindingFields>(
  engine: Engine,
  kernel: Kernel<typeof uniforms, B>,
  operands: Dispatch<typeof uniforms, B>['bindings'] & { readonly y: Tensor },
  values: Values,
  conditions: Readonly<Record<string, boolean>>,
): void {
  const workPerElement = 12 * values.kernelDepth * values.kernelHeight * values.kernelWidth;
  const { size } = operands.y;
  const step = Math.max(1, Math.floor(engine.workBudget / workPerElement));
  for (let elementStart = 0; elementStart < size; elementStart += step) {
    const elementEnd = Math.min(elementStart + step, size);
    engine.run(kernel, {
      uniforms: { ...values, elementStart, elementEnd },
      bindings: operands,
      workgroups: Math.ceil((elementEnd - elementStart) / 64),
      work: (elementEnd - elementStart) * workPerElement,
      variant: { conditions },
    });
  }
}
