import { describe, expect, it } from 'vitest';
import { type DotPath, dotPathOf, fasterDotPath } from '../../src/gpu/dotPath.ts';
import { Engine } from '../../src/gpu/engine.ts';
import { useEngine } from '../support/engine.ts';

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('the dot path', () => {
  const open = useEngine({});

  it('is found by measurement and told with the adapter', async () => {
    const engine = await open();
    expect(['packed', 'unpacked']).toContain(engine.dotPath);
    expect(engine.info.dotPath).toBe(engine.dotPath);
    expect(engine.memory.live).toBe(0);
  });

  it('can be chosen', async () => {
    const { device } = await open();
    for (const dotPath of ['packed', 'unpacked'] as const) {
      const engine = await Engine.open({ device, dotPath });
      expect([engine.dotPath, engine.info.dotPath]).toEqual([dotPath, dotPath]);
      engine.close();
    }
  });

  it.each([
    ['packed', 5, 15],
    ['unpacked', 15, 5],
  ] as const)('is %s where that takes less time', async (expected, packed, unpacked) => {
    const compile = (): Promise<void> => Promise.resolve();
    const run = (path: DotPath): Promise<void> => pause(path === 'packed' ? packed : unpacked);
    expect(await fasterDotPath({ compile, run })).toBe(expected);
  });

  it('is unpacked where dot4I8Packed does not compile', async () => {
    const ran: DotPath[] = [];
    const run = async (path: DotPath): Promise<void> => {
      ran.push(path);
    };
    const compile = (): Promise<void> => Promise.reject(new Error('unknown function'));
    expect(await fasterDotPath({ compile, run })).toBe('unpacked');
    expect(ran).toEqual([]);
  });

  it('grows the measurement until it takes a while, within bounds', async () => {
    const counts: number[] = [];
    const run = async (_path: DotPath, workgroups: number): Promise<void> => {
      counts.push(workgroups);
    };
    await fasterDotPath({ compile: () => Promise.resolve(), run });
    expect(Math.max(...counts)).toBe(32_768);
  });

  it('is measured once for each adapter, again after a failure', async () => {
    let measured = 0;
    const measure = async (): Promise<DotPath> => {
      measured++;
      if (measured === 1) throw new Error('device lost');
      return 'packed';
    };
    await expect(dotPathOf('an adapter', measure)).rejects.toThrow('device lost');
    expect(await Promise.all([dotPathOf('an adapter', measure), dotPathOf('an adapter', measure)])).toEqual([
      'packed',
      'packed',
    ]);
    expect(measured).toBe(2);
  });
});
