import { afterAll, beforeAll, expect, it } from 'vitest';
import { Engine, type EngineOptions } from '../../src/gpu/engine.ts';

/** The engine that files without wishes of their own share: what one has compiled the next need not. */
let shared: Promise<Engine> | undefined;

/**
 * An engine for a test file: its own where it has options, else one for all files of the worker. Buffers are poisoned, so a
 * kernel that leaves an element unwritten shows. Without an adapter this rejects, and the test fails.
 */
export function useEngine(options?: EngineOptions): () => Promise<Engine> {
  let pending: Promise<Engine> | undefined;
  afterAll(async () => {
    const engine = await pending;
    try {
      await engine?.check();
    } catch (error) {
      shared = undefined;
      throw error;
    } finally {
      if (pending !== shared) engine?.close();
    }
  });
  return () => {
    if (options) pending ??= Engine.open({ poison: true, ...options });
    else pending = shared ??= Engine.open({ poison: true });
    return pending;
  };
}

/** A test, the last of its file, that what the file allocated is released. */
export function leavesNoMemoryBehind(open: () => Promise<Engine>): void {
  let before: number;
  beforeAll(async () => {
    const engine = await open();
    await engine.check();
    before = engine.memory.live;
  });
  it('leaves no memory behind', async () => {
    const engine = await open();
    await engine.check().catch(() => undefined);
    expect(engine.memory.live).toBe(before);
  });
}
