import { Allocation, type BufferView, Fault } from './allocation.ts';
import type { Tensor } from './tensor.ts';
import type { UniformFields, UniformValues } from './uniforms.ts';

/** How a kernel uses a storage binding: `read` is `var<storage, read>`, `write` is `var<storage, read_write>`. */
export type Access = 'read' | 'write';

/** The storage bindings of a kernel in the order of their `@binding` numbers, after the uniforms at 0. */
export type BindingFields = Readonly<Record<string, Access>>;

/** A compute shader as the host sees it: declared once, next to the code that uses it. */
export interface Kernel<F extends UniformFields = UniformFields, B extends BindingFields = BindingFields> {
  /** `domain/file`: the root module `shaders/domain/file.wgsl`. */
  readonly name: string;
  /** The entry point in that file. */
  readonly entryPoint: string;
  /** Fields of the struct bound as `var<uniform>` at `@group(0) @binding(0)`, in order. */
  readonly uniforms: F;
  /** Storage bindings at `@binding(1)` and up, in order. */
  readonly bindings: B;
}

/** Every kernel that was declared, for the test that compares declarations with the WGSL. */
export const declaredKernels: Kernel[] = [];

/** Declares a kernel. The entry point is `main` unless given. */
export function declareKernel<const F extends UniformFields, const B extends BindingFields>(declaration: {
  readonly name: string;
  readonly entryPoint?: string;
  readonly uniforms: F;
  readonly bindings: B;
}): Kernel<F, B> {
  const kernel: Kernel<F, B> = { entryPoint: 'main', ...declaration };
  declaredKernels.push(kernel as unknown as Kernel);
  return kernel;
}

/** Which variant of a kernel to compile. */
export interface Variant {
  /** WESL conditions (`@if(name)`): the structure of the shader. */
  readonly conditions?: Readonly<Record<string, boolean>>;
  /** Values of `import constants::NAME`: numbers that must be constants in WGSL, such as array lengths. */
  readonly constants?: Readonly<Record<string, number>>;
  /** Pipeline overrides (`override NAME`): tile sizes and bounds. */
  readonly overrides?: Readonly<Record<string, number>>;
}

/** What may be bound: a tensor, a raw allocation, a part of one, or an error word. */
export type Bindable = Tensor | Allocation | BufferView | Fault;

/** The memory that is bound: the whole of an allocation unless a part is named. */
export function viewOf(bindable: Bindable): BufferView {
  if ('offset' in bindable) return bindable;
  const allocation =
    bindable instanceof Allocation ? bindable : bindable instanceof Fault ? bindable.word : bindable.allocation;
  // Whole 16-byte vectors: buffers are allocated in multiples of 256 bytes.
  const size = Math.min(Math.ceil(allocation.size / 16) * 16, allocation.buffer.size);
  return { allocation, offset: 0, size };
}

/** Workgroups to run: a number of workgroups in all (spread over x and y), a grid, or three u32 on the GPU. */
export type Workgroups = number | readonly [number, number, number] | { readonly indirect: BufferView };

/** One run of a kernel. */
export interface Dispatch<F extends UniformFields, B extends BindingFields> {
  readonly uniforms: UniformValues<F>;
  readonly bindings: { readonly [Name in keyof B]: Bindable };
  /**
   * A plain count is spread over a grid [x, y, 1] with x·y ≥ count where count is beyond one dimension's limit: such
   * kernels take their index from `shared/dispatch.wgsl` and return beyond the end.
   */
  readonly workgroups: Workgroups;
  /** Estimated arithmetic operations, from which the queue keeps submissions short. */
  readonly work: number;
  readonly variant?: Variant;
}
