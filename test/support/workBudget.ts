import type { Engine } from '../../src/gpu/engine.ts';

/** The same engine, said to be another one: to see what is chosen for it. */
export function pretending(engine: Engine, said: Partial<Pick<Engine, 'info' | 'workBudget'>>): Engine {
  return new Proxy(engine, {
    get: (target, name) => {
      if (name in said) return Reflect.get(said, name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** The same engine, said to be slow: to see how work is split into dispatches without having that much. */
export const withWorkBudget = (engine: Engine, workBudget: number): Engine => pretending(engine, { workBudget });
