import { describe, expect, it } from 'vitest';
import { InvalidInput, LimitExceeded, MalformedModel, UnsupportedOperator } from '../../src/base/errors.ts';
import { type ElementType, hostTensor } from '../../src/graph/hostTensor.ts';
import type { Operator } from '../../src/graph/operator.ts';
import { BatchNormalization } from '../../src/onnx/operators/batchNormalization.ts';
import { Add, Div, Mod, Mul, PRelu, Sub } from '../../src/onnx/operators/binary.ts';
import { Cast, Dropout } from '../../src/onnx/operators/cast.ts';
import { Clip } from '../../src/onnx/operators/clip.ts';
import { Not, Where } from '../../src/onnx/operators/compare.ts';
import { errorFunction } from '../../src/onnx/operators/errorFunction.ts';
import { Pow } from '../../src/onnx/operators/power.ts';
import { Abs, Gelu, Round, Selu, Sqrt } from '../../src/onnx/operators/unary.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode, runNode } from '../support/oneNode.ts';
import { cases, furtherCases } from './elementwiseCases.ts';
import { expectOnGpu } from './nodeCases.ts';

const open = useEngine();
const list = (elementType: ElementType, ...values: number[]) => hostTensor(elementType, [values.length], values);
const floats = (...values: number[]) => list('float32', ...values);

describe('as defined', () => {
  const evaluated = (operator: Operator, ...rest: Parameters<typeof list>[]): number[] => {
    const inputs = rest.map((operand) => list(...operand));
    return Array.from(evaluateNode({ operator, inputs })[0]?.data ?? []);
  };

  it('on the CPU, by the examples of the ONNX documentation', () => {
    expect(evaluated(Mod, ['int32', -4, 7, 5, 4, -7, 8], ['int32', 2, -3, 8, -2, 3, 5])).toEqual([0, -2, 5, 0, 2, 3]);
    const truncated = { operator: Mod, attributes: { fmod: 1 } };
    const [remainder] = evaluateNode({
      ...truncated,
      inputs: [list('int64', -4, 7, 5, 4, -7, 8), list('int64', 2, -3, 8, -2, 3, 5)],
    });
    expect([...(remainder?.data ?? [])]).toEqual([0, 1, 5, 0, -1, 3]);
    expect(evaluated(Pow, ['float32', 1, 2, 3], ['float32', 4, 5, 6])).toEqual([1, 32, 729]);
    expect(evaluated(Pow, ['int64', 1, 2, 3], ['float32', 4, 5, 6])).toEqual([1, 32, 729]);
    expect(evaluated(Pow, ['float32', 1, 2, 3], ['uint64', 4, 5, 6])).toEqual([1, 32, 729]);
    expect(
      evaluated(Round, ['float32', 0.1, 0.5, 0.9, 1.2, 1.5, 1.8, 2.3, 2.5, 2.7, -1.1, -1.5, -1.9, -2.2, -2.5, -2.8]),
    ).toEqual([0, 0, 1, 1, 2, 2, 2, 2, 3, -1, -2, -2, -2, -2, -3]);
    expect(evaluated(Div, ['int32', -7, 7, -1], ['int32', 2, -2, 2])).toEqual([-3, -3, 0]);
    expect(evaluated(Where, ['bool', 1, 0], ['float32', 1, 2], ['float32', 3, 4])).toEqual([1, 4]);
    expect(evaluated(Selu, ['float32', 1])[0]).toBeCloseTo(1.05070098, 7);
    expect(evaluated(Gelu, ['float32', -1, 0, 1]).map((value) => value.toFixed(6))).toEqual([
      '-0.158655',
      '0.000000',
      '0.841345',
    ]);
    expect(evaluated(Abs, ['int8', -128, 5])).toEqual([-128, 5]);
    expect(evaluated(Mul, ['int32', 123456789, 65536], ['int32', 987654321, 65536])).toEqual([-67153019, 0]);
  });

  it('erf, by tables', () => {
    const table = [
      [0, 0],
      [1e-8, 1.1283791670955126e-8],
      [0.5, 0.5204998778130465],
      [1, 0.8427007929497149],
    ] as const;
    for (const [x, value] of [...table, [3, 0.9999779095030014], [-2, -0.9953222650189527], [7, 1]] as const) {
      expect(Math.abs(errorFunction(x) - value)).toBeLessThanOrEqual(Math.abs(value) * 1e-15);
    }
  });

  it.each([...cases, ...furtherCases])('on the GPU: $name', async (nodeCase) => {
    await expectOnGpu(await open(), nodeCase);
  });

  it('of nothing', async () => {
    const engine = await open();
    const nothing = hostTensor('float32', [0, 3], []);
    for (const operator of [Add, Sub]) {
      const { outputs } = await runNode(engine, { operator, inputs: [nothing, floats(1, 2, 3)] });
      expect(outputs).toEqual([nothing]);
    }
    expect((await runNode(engine, { operator: Sqrt, inputs: [nothing] })).outputs).toEqual([nothing]);
  });
});

describe('what is refused', () => {
  it.each([
    { operator: Add, inputs: [floats(1, 2), floats(1, 2, 3)], reason: 'do not fit together' },
    { operator: Add, inputs: [floats(1), list('int32', 1)], reason: 'float32 and int32' },
    { operator: Add, inputs: [floats(1), undefined], reason: 'input 1 is missing' },
    { operator: Sqrt, inputs: [list('int32', ...new Array<number>(20).fill(4))], reason: 'takes floats' },
    { operator: Not, inputs: [floats(1)], reason: 'must be bool' },
    { operator: PRelu, inputs: [floats(1), floats(1, 2)], reason: 'does not fit into' },
    { operator: Mod, inputs: [floats(1), floats(2)], reason: 'fmod' },
    { operator: Clip, inputs: [floats(1), floats(1, 2)], reason: 'a single number' },
    { operator: Cast, inputs: [floats(1)], reason: 'attribute "to" is missing' },
    { operator: Gelu, inputs: [floats(1)], attributes: { approximate: 'erf' }, reason: 'no approximation' },
    {
      operator: BatchNormalization,
      inputs: [floats(1, 2), floats(1), floats(1), floats(1), floats(1, 2)],
      reason: 'channels',
    },
  ])('$operator.name: $reason', async ({ operator, inputs, attributes = {}, reason }) => {
    const engine = await open();
    const running = runNode(engine, { operator, inputs, attributes });
    await expect(running).rejects.toThrow(MalformedModel);
    await expect(running).rejects.toThrow(reason);
  });

  it('training, types and powers that are not computed', async () => {
    const engine = await open();
    const training = hostTensor('bool', [], [1]);
    const refused = [
      { operator: Dropout, inputs: [floats(1), floats(0.5), training], constants: [2] },
      { operator: Cast, inputs: [floats(1)], attributes: { to: 8 } },
      { operator: Cast, inputs: [floats(1)], attributes: { to: 11 } },
      {
        operator: BatchNormalization,
        inputs: [hostTensor('float32', [1, 1], [1]), floats(1), floats(1), floats(1), floats(1)],
        attributes: { training_mode: 1 },
      },
    ];
    for (const nodeCase of refused) {
      await expect(runNode(engine, nodeCase), nodeCase.operator.name).rejects.toThrow(UnsupportedOperator);
    }
  });

  it('powers of integers with fractions, which would not be exact', async () => {
    const engine = await open();
    const inputs = [list('int32', ...new Array<number>(20).fill(4)), floats(...new Array<number>(19).fill(2), 0.5)];
    await expect(runNode(engine, { operator: Pow, inputs })).rejects.toThrow(InvalidInput);
  });

  it('64-bit integers that the GPU does not hold', async () => {
    const engine = await open();
    const many = (value: number) => list('int64', ...new Array<number>(20).fill(value));
    for (const operator of [Add, Mul]) {
      const running = runNode(engine, { operator, inputs: [many(2 ** 30), many(2 ** 30)] });
      await expect(running).rejects.toThrow(LimitExceeded);
    }
    const large = list('uint32', ...new Array<number>(20).fill(3e9));
    await expect(runNode(engine, { operator: Cast, inputs: [large], attributes: { to: 7 } })).rejects.toThrow(
      LimitExceeded,
    );
  });
});
