import { describe, expect, it } from 'vitest';
import { ShapeMismatch } from '../../src/base/errors.ts';
import { convolutionSize, convolve } from '../../src/conv/convolve.ts';
import { chooseConvolution, type KernelChoice } from '../../src/conv/select.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { withWorkBudget } from '../support/workBudget.ts';

const open = useEngine();
const window = { kernel: [3, 3], strides: [1, 2], dilations: [1, 1], padsBefore: [1, 1] };

describe('convolve', () => {
  it.each<Omit<KernelChoice, 'reason'>>([
    { kernel: 'register', transposed: false, edge: 4, rolling: false, whole: false },
    { kernel: 'register', transposed: true, edge: 4, rolling: false, whole: false },
    { kernel: 'tiled', transposed: true, edge: 2, rolling: false, whole: false },
    { kernel: 'depthwise', transposed: false, edge: 2, rolling: false, whole: false },
  ])('gives the same in one dispatch and in many: $kernel, transposed $transposed', async (kernel) => {
    const engine = await open();
    const { transposed } = kernel;
    const groups = kernel.kernel === 'depthwise' ? 4 : 2;
    const random = createRandom(7);
    using x = engine.tensor(random.normalArray(2 * 4 * 9 * 40), [2, 4, 9, 40]);
    const shape = groups === 4 ? [4, 1, 3, 3] : transposed ? [4, 9, 3, 3] : [18, 2, 3, 3];
    using weights = engine.tensor(random.normalArray(shape.reduce((a, b) => a * b)), shape);
    const options = { window, groups, transposed, kernel, outputLengths: transposed ? [9, 80] : [9, 20] };
    using whole = convolve(engine, x, weights, options);
    using parts = convolve(withWorkBudget(engine, 1), x, weights, options);
    expect(await parts.read()).toEqual(await whole.read());
  });

  it('refuses operands that do not go together', async () => {
    const engine = await open();
    using x = engine.empty([1, 4, 5, 5], 'float32');
    using weights = engine.empty([8, 3, 3, 3], 'float32');
    using right = engine.empty([8, 4, 3, 3], 'float32');
    using bias = engine.empty([4], 'float32');
    const options = { window, outputLengths: [5, 3] };
    expect(() => convolve(engine, x, weights, options)).toThrow(ShapeMismatch);
    expect(() => convolve(engine, x, right, { ...options, groups: 3 })).toThrow(ShapeMismatch);
    expect(() => convolve(engine, x, right, { ...options, bias })).toThrow(ShapeMismatch);
  });
});

describe('the choice of a kernel', () => {
  const size = { batchCount: 1, groups: 1, inputChannels: 32, outputChannels: 64, pixels: 65536, window, whole: false };
  const on = async (software: boolean) => {
    const engine = await open();
    return new Proxy(engine, {
      get: (target, name) => (name === 'info' ? { ...target.info, software } : Reflect.get(target, name, target)),
    });
  };

  it('goes by the adapter and the size', async () => {
    const gpu = await on(false);
    const cpu = await on(true);
    expect(chooseConvolution(cpu, { ...size, transposed: false })).toMatchObject({ kernel: 'register' });
    expect(chooseConvolution(gpu, { ...size, transposed: true })).toMatchObject({ kernel: 'tiled', edge: 4 });
    expect(chooseConvolution(gpu, { ...size, transposed: false, pixels: 100 })).toMatchObject({ edge: 2 });
    expect(chooseConvolution(gpu, { ...size, transposed: false, outputChannels: 24 })).toMatchObject({ edge: 2 });
  });

  it.each([
    ['unpadded', [0, 0], [5, 3], true],
    ['beyond the end', [0, 0], [6, 3], false],
    ['beyond the end by a stride', [0, 0], [5, 4], false],
    ['before the first element', [1, 0], [5, 3], false],
    ['elements cut off', [-1, 0], [4, 3], true],
  ])('knows whether a window stays in the input: %s', (_, padsBefore, outputLengths, whole) => {
    const moved = { ...window, padsBefore };
    expect(convolutionSize([1, 2, 7, 8], [3, 2, 3, 3], { window: moved, outputLengths }).whole).toBe(whole);
  });

  it.each([
    [[1, 1], [1, 1], 3, 3],
    [[2, 1], [2, 1], 5, 5],
    [[1, 1], [1, 1], 4, true],
    [[1, 2], [1, 1], 3, false],
    [[1, 1], [1, 2], 5, false],
  ])('rolls rows for strides %j, dilations %j and %i taps: %s', async (strides, dilations, taps, rolling) => {
    const kernel = [2, taps];
    const one = { ...size, inputChannels: 1, groups: 8, window: { ...window, kernel, strides, dilations } };
    const engine = await open();
    expect(chooseConvolution(engine, { ...one, transposed: false })).toMatchObject({ kernel: 'depthwise', rolling });
    expect(chooseConvolution(engine, { ...one, transposed: true }).kernel).not.toBe('depthwise');
  });
});
