import { describe, expect, it } from 'vitest';
import { LimitExceeded } from '../../src/base/errors.ts';
import { matmul } from '../../src/gemm/matmul.ts';
import { quantize } from '../../src/quant/quantize.ts';
import { integerMatmul } from '../reference/quant.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { dispose, randomCodes, tensorOfCodes } from './products.ts';

describe('K beyond the range of i32 sums', () => {
  const open = useEngine();

  it('is cut, and the total rounded once', async () => {
    const engine = await open();
    const random = createRandom(1);
    const [M, N, K] = [3, 4, 70_000];
    const x = randomCodes(random, M * K, { signed: false });
    const w = randomCodes(random, K * N, {});
    x.values.fill(255, 0, K);
    w.values.fill(127);
    w.values.fill(-128, 0, 3 * N);
    const left = tensorOfCodes(engine, { ...x, zeroPoints: new Int32Array([0]) }, [M, K], { layout: 'rows' });
    const right = tensorOfCodes(engine, { ...w, zeroPoints: new Int32Array([-128]) }, [K, N]);
    const bias = engine.tensor(new Float32Array([0, 1, 2, 3]), [N]);
    const y = matmul(engine, left, right, { bias });
    const exact = integerMatmul(x.values, w.values, { M, N, K, zeroPointB: -128 });
    const expected = Array.from(exact, (sum, index) => Math.fround(Math.fround(sum) + (index % N)));
    expect(exact[0]).toBeGreaterThan(2 ** 31);
    expect(Array.from(await y.read())).toEqual(expected);
    dispose(left, right, bias, y);
  });

  it('is refused for integer results, from the first K that may overflow on', async () => {
    const engine = await open();
    const K = 131_072;
    const floats = engine.tensor(new Float32Array(K + 1), [K + 1, 1]);
    const w = quantize(engine, floats, { scheme: 'asymmetric', signed: true });
    const x = engine.tensor(new Int8Array(K + 1), [1, K + 1]);
    // |x| is up to 128 and |w - zero point| up to 255: 65,793 terms are safe.
    expect(() => matmul(engine, x, w, { output: 'int32' })).toThrow(LimitExceeded);
    expect(() => matmul(engine, x, w, { output: 'int32' })).toThrow('65793 at most');
    expect(() => matmul(engine, x, w, { output: { scale: 1 } })).toThrow(LimitExceeded);
    const fitting = engine.tensor(new Int8Array(65_793), [1, 65_793]);
    const floatsFitting = engine.tensor(new Float32Array(65_793), [65_793, 1]);
    const weights = quantize(engine, floatsFitting, { scheme: 'asymmetric', signed: true });
    const y = matmul(engine, fitting, weights, { output: 'int32' });
    expect(Array.from(await y.read())).toEqual([0]);
    dispose(floats, w, x, fitting, floatsFitting, weights, y);
  });
});
