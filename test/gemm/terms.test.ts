import { describe, expect, it } from 'vitest';
import { sourceOfTensor } from '../../src/gemm/codeSource.ts';
import { groupsOf } from '../../src/gemm/groups.ts';
import { prepareLeft } from '../../src/gemm/operand.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

describe('terms of rows', () => {
  const open = useEngine();

  it.each([
    ['int8', 1, undefined],
    ['int8', 100, undefined],
    ['int8', 2000, undefined],
    ['uint8', 37, undefined],
    ['uint8', 100, 48],
    ['int8', 23, 5],
  ] as const)('%s rows of %i codes in groups of %s', async (dtype, depth, size) => {
    const engine = await open();
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
