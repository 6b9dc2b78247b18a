import { ShaderError } from '../base/errors.ts';
import type { Kernel, Variant } from './kernel.ts';
import { describeCompileError, linkShader, variantKey } from './shaders.ts';
import { uniformBytes } from './uniforms.ts';

/** A compiled kernel and the layout that its bind groups follow. */
export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

// GPUShaderStage.COMPUTE, which does not exist as a global in Node.
const computeStage = 0x4;

/** Compiles kernels, once per kernel and variant: compilations in flight are shared. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #pipelines = new Map<string, Promise<Pipeline>>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Rejects with `ShaderError` when the shader does not compile on this adapter. */
  get(kernel: Kernel, variant: Variant = {}): Promise<Pipeline> {
    const key = `${kernel.name}|${kernel.entryPoint}|${variantKey(variant)}`;
    let pending = this.#pipelines.get(key);
    if (!pending) {
      pending = this.#compile(kernel, variant);
      // The queue awaits it later; until then a failure is not an unhandled one.
      pending.catch(() => undefined);
      this.#pipelines.set(key, pending);
    }
    return pending;
  }

  /** The bind group layout of a kernel: uniforms at 0 with a dynamic offset, then its storage bindings. */
  layout(kernel: Kernel): GPUBindGroupLayout {
    const accesses = Object.values(kernel.bindings);
    const size = uniformBytes(kernel.uniforms);
    const key = `${size}|${accesses.join(',')}`;
    let layout = this.#layouts.get(key);
    if (!layout) {
      const uniforms: GPUBindGroupLayoutEntry = {
        binding: 0,
        visibility: computeStage,
        buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: size },
      };
      const storage = accesses.map(
        (access, position): GPUBindGroupLayoutEntry => ({
          binding: position + 1,
          visibility: computeStage,
          buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' },
        }),
      );
      layout = this.#device.createBindGroupLayout({ label: key, entries: [uniforms, ...storage] });
      this.#layouts.set(key, layout);
    }
    return layout;
  }

  async #compile(kernel: Kernel, variant: Variant): Promise<Pipeline> {
    const shader = await linkShader(kernel.name, variant).catch((cause: unknown) => {
      throw new ShaderError(`The shader ${kernel.name} could not be linked (${variantKey(variant)}): ${cause}`, {
        cause,
      });
    });
    const layout = this.layout(kernel);
    this.#device.pushErrorScope('validation');
    const module = this.#device.createShaderModule({ label: kernel.name, code: shader.dest });
    const scope = this.#device.popErrorScope();
    try {
      const pipeline = await this.#device.createComputePipelineAsync({
        label: `${kernel.name}/${kernel.entryPoint}`,
        layout: this.#device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: kernel.entryPoint, constants: { ...variant.overrides } },
      });
      return { pipeline, layout };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (await scope) throw await describeCompileError(kernel.name, shader, module, reason);
      throw new ShaderError(`The pipeline of ${kernel.name} (${variantKey(variant)}) could not be made: ${reason}`);
    }
  }
}
