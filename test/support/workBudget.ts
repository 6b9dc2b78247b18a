import type { Engine } from '../../src/gpu/engine.ts';

/** The same engine, said to be slow: to see how work is split into dispatches without having that much. */
export function withWorkBudget(engine: Engine, workBudget: number): Engine {
  return new Proxy(engine, {
    get: (target, name) => {
      if (name === 'workBudget') return workBudget;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
