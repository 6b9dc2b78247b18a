import type { Engine } from '../../gpu/engine.ts';
import type { Job } from './job.ts';

/** What the shaders run on. */
export interface InfoReport {
  readonly adapter: Engine['info']['adapter'];
  /** True where the shaders run on the CPU (SwiftShader). */
  readonly software: boolean;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** How 8-bit integers are multiplied: by `dot4I8Packed`, or unpacked. */
  readonly dotPath: Engine['dotPath'];
}

/** Describes the adapter and what Cuanta chose for it. */
export const info: Job<Record<string, never>, InfoReport> = {
  name: 'info',
  page: 'runtime.html',
  run: async (engine) => {
    const { adapter, software, features, limits } = engine.info;
    return { report: { adapter, software, features, limits, dotPath: engine.dotPath } };
  },
};
