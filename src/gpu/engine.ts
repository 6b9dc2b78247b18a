import { type DType, type DTypeOf, dtypeOf, type TensorData } from '../base/dtype.ts';
import { type CuantaError, DeviceLost, LimitExceeded, ShapeMismatch } from '../base/errors.ts';
import { assertShape, elementCount, type Shape } from '../base/shape.ts';
import { type AdapterDescription, describeAdapter, limitsOf, requestAdapter } from './adapter.ts';
import { type Allocation, type BufferView, Fault } from './allocation.ts';
import { BufferPool, type MemoryReport } from './bufferPool.ts';
import { type DotPath, dotPathKernel, dotPathOf, fasterDotPath, operationsPerWorkgroup } from './dotPath.ts';
import { LossGuard } from './guard.ts';
import {
  type Access,
  type Bindable,
  type BindingFields,
  type Dispatch,
  type Kernel,
  type Variant,
  viewOf,
  type Workgroups,
} from './kernel.ts';
import { PipelineCache } from './pipelines.ts';
import { type KernelTime, Profiler } from './profiler.ts';
import { Queue, type RecordedDispatch } from './queue.ts';
import { ReadbackRing } from './readback.ts';
import { Recording } from './recording.ts';
import { layoutOf, padRows, Tensor } from './tensor.ts';
import type { UniformFields } from './uniforms.ts';

/** How to open an engine. */
export interface EngineOptions {
  /** A device to borrow. It is used with the limits it has, and left alone by `close()`. */
  readonly device?: GPUDevice;
  /** An adapter to make the device from. */
  readonly adapter?: GPUAdapter;
  /** Which adapter to look for when none is given; `high-performance` unless given. */
  readonly powerPreference?: GPUPowerPreference;
  /** Limits to ask for in place of the adapter's own, for instance to try how an algorithm splits its work. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Bytes of released buffers that are kept for reuse at most; 512 MiB unless given. */
  readonly poolBytes?: number;
  /** How integer products multiply packed bytes; measured on the adapter, once in a process, unless given. */
  readonly dotPath?: DotPath;
  /** Fills every buffer with NaN patterns before use, so that reading what was never written shows. For tests. */
  readonly poison?: boolean;
}

/** What an engine runs on, as plain data. */
export interface EngineInfo {
  readonly adapter: AdapterDescription;
  /** True where shaders run on the CPU (SwiftShader): its timings are not those of a GPU. */
  readonly software: boolean;
  /** How integer products multiply packed bytes. */
  readonly dotPath: DotPath;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

/** A binding of a dispatch with its place in memory. */
interface Bound {
  readonly access: Access;
  readonly bindable: Bindable;
  readonly view: BufferView;
}

const wantedFeatures = ['timestamp-query', 'subgroups'] as const;
const poisonWord = 0x7fedcba9;
const minimumBindingBytes = 16;

async function makeDevice(options: EngineOptions): Promise<GPUDevice> {
  const { powerPreference } = options;
  const adapter = options.adapter ?? (await requestAdapter(powerPreference ? { powerPreference } : {}));
  return adapter.requestDevice({
    requiredFeatures: wantedFeatures.filter((feature) => adapter.features.has(feature)),
    requiredLimits: { ...limitsOf(adapter.limits), ...options.limits },
  });
}

/**
 * The GPU, with the memory, the pipelines and the queue of Cuanta. It owns the device that it made and only borrows one
 * that it was given.
 */
export class Engine {
  readonly device: GPUDevice;
  #info: EngineInfo;
  readonly #owned: boolean;
  readonly #poison: boolean;
  readonly #guard = new LossGuard();
  readonly #queue: Queue;
  readonly #pool: BufferPool;
  readonly #pipelines: PipelineCache;
  readonly #readback: ReadbackRing;
  readonly #faults = new Set<Fault>();
  readonly #recordings = new Set<Recording>();
  #capturing: Recording | undefined;
  #failure: CuantaError | undefined;

  private constructor(device: GPUDevice, owned: boolean, options: EngineOptions) {
    this.device = device;
    this.#owned = owned;
    this.#poison = options.poison ?? false;
    const adapter = describeAdapter(device.adapterInfo);
    const software = adapter.architecture === 'swiftshader';
    this.#info = {
      adapter,
      software,
      dotPath: options.dotPath ?? 'unpacked',
      features: [...device.features].sort(),
      limits: limitsOf(device.limits),
    };
    this.#queue = new Queue(device, this.#guard, software ? 1e6 : 5e8);
    this.#pool = new BufferPool(device, options.poolBytes ?? 512 << 20, (buffer) => this.#queue.destroyLater(buffer));
    this.#pipelines = new PipelineCache(device);
    this.#readback = new ReadbackRing(device, this.#guard);
    device.lost.then(({ reason, message }) => {
      this.#guard.lose(
        new DeviceLost(
          `The GPU device was lost (${reason}): ${message}. Open a new engine and make its tensors again.`,
        ),
      );
    });
  }

  /**
   * Opens an engine on the best adapter, or on the adapter or device given, with all the limits that the adapter has.
   * @throws UnsupportedAdapter when there is no adapter.
   */
  static async open(options: EngineOptions = {}): Promise<Engine> {
    const engine = options.device
      ? new Engine(options.device, false, options)
      : new Engine(await makeDevice(options), true, options);
    if (!options.dotPath) {
      const { adapter } = engine.info;
      const dotPath = await dotPathOf(JSON.stringify(adapter), () => engine.#fasterDotPath());
      engine.#info = { ...engine.info, dotPath };
    }
    return engine;
  }

  /** The adapter, its features and limits, and what was found out about it. */
  get info(): EngineInfo {
    return this.#info;
  }

  /** How integer products multiply packed bytes on this adapter. */
  get dotPath(): DotPath {
    return this.#info.dotPath;
  }

  /** Bytes live, pooled and at the peak. What recordings hold is live. */
  get memory(): MemoryReport {
    const { live, pooled, peak } = this.#pool.report;
    let recorded = 0;
    for (const recording of this.#recordings) recorded += recording.memory.bytes;
    return { live: live + recorded, pooled, peak: Math.max(peak, live + recorded) };
  }

  /** Estimated operations that one dispatch should not exceed; kernels with more to do are split. */
  get workBudget(): number {
    return this.#queue.workBudget;
  }

  /**
   * A tensor with the given elements in row-major order; its type follows the array's.
   * @throws ShapeMismatch when `data` does not have as many elements as `shape`.
   */
  tensor<T extends TensorData>(data: T, shape: Shape): Tensor<DTypeOf<T>> {
    assertShape(shape, 'tensor');
    if (data.length !== elementCount(shape)) {
      throw new ShapeMismatch(
        `tensor: ${data.length} elements do not fill shape [${shape}], which has ${elementCount(shape)}; give as many elements as the shape has.`,
      );
    }
    this.#guard.assertAlive();
    const dtype = dtypeOf(data) as DTypeOf<T>;
    const layout = layoutOf(shape, dtype);
    const padded = padRows(data, layout);
    const size = Math.max(layout.size, minimumBindingBytes);
    // While capturing, it is written once for all repetitions: no other step may have used the memory.
    const allocation = this.#capturing?.allocateConstant(size) ?? this.#pool.allocate(size);
    if (layout.size > 0) {
      this.#write(allocation, new Uint8Array(padded.buffer, padded.byteOffset, padded.byteLength));
    }
    return new Tensor(this, allocation, shape, dtype);
  }

  /** A tensor whose elements are still to be written by a kernel; until then they are arbitrary. */
  empty<D extends DType>(shape: Shape, dtype: D): Tensor<D> {
    assertShape(shape, 'empty');
    return new Tensor<D>(this, this.allocate(layoutOf(shape, dtype).size), shape, dtype);
  }

  /**
   * Raw GPU memory of at least `size` bytes for a kernel, with arbitrary contents. Release it when done recording.
   * @throws LimitExceeded, DeviceLost
   */
  allocate(size: number): Allocation {
    this.#guard.assertAlive();
    const allocation = (this.#capturing ?? this.#pool).allocate(Math.max(size, minimumBindingBytes));
    if (this.#poison) {
      const pattern = new Uint32Array(allocation.size / 4).fill(poisonWord);
      this.#write(allocation, new Uint8Array(pattern.buffer));
    }
    return allocation;
  }

  /** Writes bytes at the beginning of an allocation. */
  upload(allocation: Allocation, data: Uint8Array): void {
    this.#perform(() => this.#write(allocation, data));
  }

  /** Sets an allocation to zeros. */
  clear(allocation: Allocation): void {
    this.#perform(() => {
      allocation.dependOn(this.#queue.clear({ allocation, offset: 0, size: allocation.size }));
    });
  }

  /** Copies the first `size` bytes, a multiple of 4, of one allocation to the beginning of another. */
  copy(source: Allocation, target: Allocation, size: number): void {
    this.#perform(() => {
      target.dependOn(this.#queue.copy({ allocation: source, offset: 0, size }, target.buffer, 0));
      target.inherit(source);
    });
  }

  /**
   * Records the work of `record` without doing it, to be repeated any number of times with `recording.replay()`. What
   * `record` allocates belongs to the recording: tensors that it returns hold the results of the latest repetition, and
   * what it releases is reused by its later steps. Nothing may be read within `record`.
   */
  capture<T>(record: () => T): { readonly value: T; readonly recording: Recording } {
    this.#guard.assertAlive();
    const recording = new Recording(
      this.device,
      (buffer) => this.#queue.destroyLater(buffer),
      (disposed) => this.#recordings.delete(disposed),
    );
    const outer = this.#capturing;
    this.#capturing = recording;
    try {
      const value = record();
      this.#recordings.add(recording);
      return { value, recording };
    } catch (error) {
      recording.dispose();
      throw error;
    } finally {
      this.#capturing = outer;
    }
  }

  /**
   * Records what may find nothing to do once it runs, such as rounds after the one that ends an iteration: how soon that is
   * over says nothing about the speed of the adapter.
   */
  speculatively(record: () => void): void {
    this.#queue.speculative = true;
    try {
      record();
    } finally {
      this.#queue.speculative = false;
    }
  }

  /** Does `work` at once even while capturing: for what is computed once and shared, such as weights. */
  uncaptured<T>(work: () => T): T {
    const capturing = this.#capturing;
    this.#capturing = undefined;
    try {
      return work();
    } finally {
      this.#capturing = capturing;
    }
  }

  /**
   * A new error word for kernels to report an element that they cannot compute with. Whatever is written by a kernel
   * that binds it carries it. Release it once those kernels are recorded.
   * @param describe makes the error from the index of the first such element.
   */
  fault(describe: (index: number) => CuantaError): Fault {
    const word = this.allocate(minimumBindingBytes);
    this.clear(word);
    const fault = new Fault(word, describe, (released) => this.#faults.delete(released));
    this.#faults.add(fault);
    this.#capturing?.hold(fault);
    return fault;
  }

  /**
   * Records one run of a kernel. Everything it writes depends on everything it reads: errors travel along.
   * @throws DisposedTensor, LimitExceeded when a binding is larger than the adapter allows, DeviceLost
   */
  run<F extends UniformFields, B extends BindingFields>(kernel: Kernel<F, B>, dispatch: Dispatch<F, B>): void {
    this.#guard.assertAlive();
    const bound = Object.keys(kernel.bindings).map(
      (name): Bound => ({
        access: kernel.bindings[name] ?? 'read',
        bindable: dispatch.bindings[name] as Bindable,
        view: this.#viewOf(dispatch.bindings[name] as Bindable, `${kernel.name}, binding "${name}"`),
      }),
    );
    const workgroups = this.#grid(dispatch.workgroups);
    if (!('indirect' in workgroups) && workgroups.includes(0)) return;
    // The general type of a kernel: its uniforms and bindings were checked against the exact one by the signature.
    const general = kernel as unknown as Kernel;
    const command: RecordedDispatch = {
      kind: 'dispatch',
      kernel: general,
      pipeline: this.#pipelines.get(general, dispatch.variant),
      uniforms: dispatch.uniforms,
      views: bound.map(({ view }) => view),
      workgroups,
      work: dispatch.work,
    };
    this.#perform(() => this.#dispatch(command, bound));
  }

  /** Does something now, or while capturing at each repetition. */
  #perform(step: () => void): void {
    this.#guard.assertAlive();
    if (this.#capturing) this.#capturing.add(step);
    else step();
  }

  #write(allocation: Allocation, data: Uint8Array): void {
    const outcome = this.#queue.upload({ allocation, offset: 0, size: allocation.size }, data);
    if (outcome) allocation.dependOn(outcome);
  }

  #dispatch(command: RecordedDispatch, bound: readonly Bound[]): void {
    const outcome = this.#queue.dispatch(command);
    outcome.settled.catch((error: CuantaError) => {
      this.#failure ??= error;
    });
    for (const { access, bindable, view } of bound) {
      // An error word carries none itself: it would keep itself alive.
      if (access === 'read' || bindable instanceof Fault) continue;
      const { allocation } = view;
      allocation.dependOn(outcome);
      for (const other of bound) {
        if (other.bindable instanceof Fault) allocation.carry(other.bindable);
        else allocation.inherit(other.view.allocation);
      }
    }
  }

  /** Compiles a kernel ahead of its first use. */
  async compile(kernel: Kernel, variant: Variant = {}): Promise<void> {
    await this.#guard.protect(this.#pipelines.get(kernel, variant));
  }

  /** Submits what was recorded, without waiting for it. */
  flush(): Promise<void> {
    return this.#queue.flush();
  }

  /** Waits until the GPU has done everything recorded so far. */
  async idle(): Promise<void> {
    await this.#queue.idle();
    this.#guard.assertAlive();
  }

  /**
   * Waits for everything recorded so far.
   * @throws the first error that a kernel or a submission left since the last check: `InvalidInput` for a non-finite
   * element, `OutOfMemory`, `DeviceLost` …
   */
  async check(): Promise<void> {
    await this.idle();
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure;
    await this.#assertNoFault([...this.#faults]);
  }

  /** Copies the first `size` bytes of an allocation to the CPU, after checking all that its contents depend on. */
  async readBytes(allocation: Allocation, size: number): Promise<ArrayBuffer> {
    this.#guard.assertAlive();
    const faults = [...allocation.faults];
    const outcomes = [...allocation.outcomes];
    const aligned = Math.ceil(size / 4) * 4;
    allocation.retain();
    for (const fault of faults) fault.retain();
    try {
      const bytes = await this.#readback.read(aligned + faults.length * 4 + 4, async (staging) => {
        if (aligned > 0) outcomes.push(this.#queue.copy({ allocation, offset: 0, size: aligned }, staging, 0));
        this.#copyFaults(faults, staging, aligned);
        await this.#queue.flush();
        for (const outcome of outcomes) await this.#guard.protect(outcome.settled);
      });
      const words = new Uint32Array(bytes, aligned, faults.length);
      faults.forEach((fault, position) => {
        const error = fault.errorFor(words[position] ?? 0);
        if (error) throw error;
      });
      return bytes.slice(0, size);
    } finally {
      for (const fault of faults) fault.release();
      allocation.release();
    }
  }

  /**
   * Runs `work` with every kernel in a pass of its own between two timestamps.
   * @throws UnsupportedAdapter without the feature `timestamp-query`.
   */
  async profile<T>(
    work: () => T | Promise<T>,
  ): Promise<{ readonly value: T; readonly kernels: readonly KernelTime[] }> {
    await this.idle();
    const profiler = new Profiler(this.device);
    this.#queue.profiler = profiler;
    try {
      const value = await work();
      await this.idle();
      return { value, kernels: await this.#guard.protect(profiler.finish()) };
    } finally {
      this.#queue.profiler = undefined;
    }
  }

  /** Releases the memory that is kept for reuse. */
  trim(): void {
    this.#pool.trim();
  }

  /** Ends the engine: pending reads reject with `DeviceLost`. Destroys the device if the engine made it. */
  close(): void {
    if (this.#guard.loss) return;
    this.#guard.lose(new DeviceLost('The engine was closed; open a new one.'));
    this.#readback.destroy();
    this.#queue.destroy();
    if (this.#owned) this.device.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #fasterDotPath(): Promise<DotPath> {
    const y = this.allocate(minimumBindingBytes);
    const variantOf = (path: DotPath): Variant => ({ conditions: { packed: path === 'packed' } });
    try {
      return await fasterDotPath({
        compile: (path) => this.compile(dotPathKernel as unknown as Kernel, variantOf(path)),
        run: (path, workgroups) => {
          this.run(dotPathKernel, {
            uniforms: { seed: 1 },
            bindings: { y },
            workgroups,
            work: workgroups * operationsPerWorkgroup,
            variant: variantOf(path),
          });
          return this.idle();
        },
      });
    } finally {
      y.release();
    }
  }

  #copyFaults(faults: readonly Fault[], staging: GPUBuffer, offset: number): void {
    faults.forEach(({ word }, position) => {
      this.#queue.copy({ allocation: word, offset: 0, size: 4 }, staging, offset + position * 4);
    });
  }

  async #assertNoFault(faults: readonly Fault[]): Promise<void> {
    if (faults.length === 0) return;
    for (const fault of faults) fault.retain();
    try {
      const bytes = await this.#readback.read(faults.length * 4, async (staging) => {
        this.#copyFaults(faults, staging, 0);
        await this.#queue.flush();
      });
      const words = new Uint32Array(bytes);
      faults.forEach((fault, position) => {
        const error = fault.errorFor(words[position] ?? 0);
        if (error) throw error;
      });
    } finally {
      for (const fault of faults) fault.release();
    }
  }

  #viewOf(bindable: Bindable, what: string): BufferView {
    const view = viewOf(bindable);
    const limit = this.device.limits.maxStorageBufferBindingSize;
    if (view.size > limit) {
      throw new LimitExceeded(
        `${what}: ${view.size} bytes are beyond this adapter's maxStorageBufferBindingSize of ${limit} bytes; process the data in parts.`,
      );
    }
    return view;
  }

  #grid(workgroups: Workgroups): readonly [number, number, number] | { readonly indirect: BufferView } {
    if (typeof workgroups !== 'number') return workgroups;
    const limit = this.device.limits.maxComputeWorkgroupsPerDimension;
    if (workgroups <= limit) return [workgroups, 1, 1];
    const rows = Math.ceil(workgroups / limit);
    return [Math.ceil(workgroups / rows), rows, 1];
  }
}
