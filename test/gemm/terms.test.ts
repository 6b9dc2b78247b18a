import { describe, expect, it } from 'vitest';
import { sourceOfTensor } from '../../src/gemm/codeSource.ts';
import { groupsOf } from '../../src/gemm/groups.ts';
import { prepareLeft } from '../../src/gemm/operand.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { pretending } from '../support/workBudget.ts';

describe('terms of rows', () => {
  const open = useEngine();

  it.each([
    ['int8', 1, undefined, true],
    ['int8', 100, undefined, true],
    ['int8', 2000, undefined, true],
    ['int8', 2000, undefined, false],
    ['uint8', 37, undefined, false],
    ['uint8', 100, 48, false],
    ['uint8', 900, 400, false],
    ['int8', 23, 5, true],
  ] as const)('%s rows of %i codes in groups of %s, shaders on the CPU: %s', async (dtype, depth, size, software) => {
    const real = await open();
    const engine = pretending(real, { info: { ...real.info, software } });
    const random = createRandom(depth);
    const rowCount = 5;
    const codes = random.integerArray(rowCount * depth, dtype === 'int8' ? -128 : 0, dtype === 'int8' ? 127 : 255);
    const data = dtype === 'int8' ? Int8Array.from(codes) : Uint8Array.from(codes);
    const x = engine.tensor(data, [rowCount, depth]);
    const groups = groupsOf(depth, size);
    const source = sourceOfTensor(x, { scale: 0.25, zeroPoint: 7 });
    const { operand, release } = prepareLeft(engine, source, groups, true);
    const bytes = await engine.readBytes(operand.terms.allocation, rowCount * groups.count * 12);
    release();
    x.dispose();
    const shift = dtype === 'int8' ? 0 : 128;
    const integers = new Int32Array(bytes);
    const floats = new Float32Array(bytes);
    for (let term = 0; term < rowCount * groups.count; term++) {
      const start = (term % groups.count) * groups.size;
      const row = codes.subarray(Math.floor(term / groups.count) * depth).subarray(0, depth);
      const sum = row.subarray(start, start + groups.size).reduce((total, code) => total + code - shift, 0);
      expect([floats[term * 3], integers[term * 3 + 1], integers[term * 3 + 2]]).toEqual([0.25, 7 - shift, sum]);
    }
  });
});
