import { afterAll } from 'vitest';
import { Engine, type EngineOptions } from '../../src/gpu/engine.ts';

/**
 * One engine for a test file, opened at first use and closed after the last test. Buffers are poisoned, so a kernel that
 * leaves an element unwritten shows. Without an adapter this rejects, and the test fails.
 */
export function useEngine(options: EngineOptions = {}): () => Promise<Engine> {
  let pending: Promise<Engine> | undefined;
  afterAll(async () => {
    const engine = await pending;
    await engine?.check();
    engine?.close();
  });
  return () => {
    pending ??= Engine.open({ poison: true, ...options });
    return pending;
  };
}
