import { CuantaError, OutOfMemory, ShaderError } from '../base/errors.ts';
import { type BufferView, Outcome } from './allocation.ts';
import { BindGroupCache } from './bindGroups.ts';
import { bufferUsage } from './bufferPool.ts';
import type { LossGuard } from './guard.ts';
import type { Kernel } from './kernel.ts';
import type { Pipeline } from './pipelines.ts';
import type { Profiler } from './profiler.ts';
import { Speed } from './speed.ts';
import { type UniformValues, uniformSlotBytes, writeUniforms } from './uniforms.ts';

/** A kernel run as recorded: nothing has touched the GPU yet. */
export interface RecordedDispatch {
  readonly kind: 'dispatch';
  readonly kernel: Kernel;
  readonly pipeline: Promise<Pipeline>;
  readonly uniforms: UniformValues<Kernel['uniforms']>;
  readonly views: readonly BufferView[];
  readonly workgroups: readonly [number, number, number] | { readonly indirect: BufferView };
  readonly work: number;
}

type Command =
  | RecordedDispatch
  | { readonly kind: 'upload'; readonly target: BufferView; readonly data: Uint8Array }
  | { readonly kind: 'copy'; readonly source: BufferView; readonly target: GPUBuffer; readonly targetOffset: number }
  | { readonly kind: 'clear'; readonly target: BufferView }
  | { readonly kind: 'afterwards'; readonly run: () => void };

interface Batch {
  readonly commands: Command[];
  readonly outcome: Outcome;
  readonly settle: (error: CuantaError | undefined) => void;
  dispatchCount: number;
  work: number;
  /** Whether some of its kernels may find nothing to do. */
  speculative: boolean;
}

const maximumDispatches = 256;
const maximumInFlight = 2;

function newBatch(): Batch {
  let settle: Batch['settle'] = () => undefined;
  const result = new Promise<CuantaError | undefined>((resolve) => {
    settle = resolve;
  });
  return { commands: [], outcome: new Outcome(result), settle, dispatchCount: 0, work: 0, speculative: false };
}

function asCuantaError(error: unknown): CuantaError {
  if (error instanceof CuantaError) return error;
  // A GPUError is no Error, but has a message.
  const { message = String(error) } = error as { readonly message?: string };
  return new ShaderError(`Work could not be submitted to the GPU: ${message}`);
}

/**
 * Records work as data and submits it in order, in batches that are short by the measured speed of the adapter. Each
 * batch is surrounded by error scopes, and everything it wrote depends on its outcome.
 */
export class Queue {
  readonly #device: GPUDevice;
  readonly #guard: LossGuard;
  readonly #arena: GPUBuffer;
  readonly #bindGroups: BindGroupCache;
  /** Set while kernels are being timed. */
  profiler: Profiler | undefined;
  /** Set while what is recorded may find nothing to do, so that it tells nothing about how fast the adapter is. */
  speculative = false;
  #recording = newBatch();
  #tail: Promise<void> = Promise.resolve();
  #submitting = 0;
  #inFlight: Promise<void>[] = [];
  #lastCompletion = 0;
  readonly #speed: Speed;

  /** @param operationsPerMillisecond a first guess of the adapter's speed; measured from then on. */
  constructor(device: GPUDevice, guard: LossGuard, operationsPerMillisecond: number) {
    this.#device = device;
    this.#guard = guard;
    this.#speed = new Speed(operationsPerMillisecond);
    this.#arena = device.createBuffer({
      label: 'uniforms',
      size: maximumDispatches * uniformSlotBytes,
      usage: bufferUsage.uniform | bufferUsage.copyDestination,
    });
    this.#bindGroups = new BindGroupCache(device, this.#arena);
  }

  /** Estimated operations that one submission, and so one dispatch, should not exceed. */
  get workBudget(): number {
    return this.#speed.workBudget;
  }

  /** The outcome that whatever is recorded next will have. */
  dispatch(command: RecordedDispatch): Outcome {
    const full =
      this.#recording.dispatchCount >= maximumDispatches ||
      (this.#recording.work > 0 && this.#recording.work + command.work > this.workBudget);
    if (full) this.#close();
    this.#recording.dispatchCount++;
    this.#recording.work += command.work;
    this.#recording.speculative ||= this.speculative;
    return this.#record(command);
  }

  /**
   * Writes data into a buffer, after what was recorded so far: at once where nothing is waiting, which has no outcome to
   * wait for; else the data is copied.
   */
  upload(target: BufferView, data: Uint8Array): Outcome | undefined {
    if (this.#recording.commands.length === 0 && this.#submitting === 0) {
      this.#write(target, data);
      return undefined;
    }
    return this.#record({ kind: 'upload', target, data: data.slice() });
  }

  copy(source: BufferView, target: GPUBuffer, targetOffset: number): Outcome {
    return this.#record({ kind: 'copy', source, target, targetOffset });
  }

  clear(target: BufferView): Outcome {
    return this.#record({ kind: 'clear', target });
  }

  /** Destroys a buffer once all that was recorded so far has been submitted. */
  destroyLater(buffer: GPUBuffer): void {
    this.#record({
      kind: 'afterwards',
      run: () => {
        this.#bindGroups.forget(buffer);
        buffer.destroy();
      },
    });
  }

  /** Submits everything recorded so far; resolves once it is submitted, whether it succeeded or not. */
  flush(): Promise<void> {
    if (this.#recording.commands.length > 0) this.#close();
    return this.#tail;
  }

  /** Submits everything and waits until the GPU has done it. */
  async idle(): Promise<void> {
    await this.flush();
    await Promise.all(this.#inFlight);
  }

  destroy(): void {
    this.#arena.destroy();
  }

  #record(command: Command): Outcome {
    this.#recording.commands.push(command);
    return this.#recording.outcome;
  }

  #close(): void {
    const batch = this.#recording;
    this.#recording = newBatch();
    this.#submitting++;
    this.#tail = this.#tail.then(async () => {
      try {
        await this.#submit(batch);
      } catch (error) {
        batch.settle(asCuantaError(error));
      } finally {
        this.#submitting--;
        for (const command of batch.commands) if (command.kind === 'afterwards') command.run();
      }
    });
  }

  async #submit(batch: Batch): Promise<void> {
    const pipelines = new Map<RecordedDispatch, Pipeline>();
    for (const command of batch.commands) {
      if (command.kind === 'dispatch') pipelines.set(command, await this.#guard.protect(command.pipeline));
    }
    while (this.#inFlight.length >= maximumInFlight) await this.#inFlight[0];
    this.#guard.assertAlive();
    const device = this.#device;
    device.pushErrorScope('validation');
    device.pushErrorScope('out-of-memory');
    const submitted = performance.now();
    this.#encode(batch, pipelines);
    const memoryScope = device.popErrorScope();
    const validationScope = device.popErrorScope();
    const done = this.#guard
      .protect(device.queue.onSubmittedWorkDone())
      .then(() => this.#measure(batch, submitted))
      .catch(() => undefined);
    this.#inFlight.push(done);
    done.finally(() => {
      this.#inFlight = this.#inFlight.filter((pending) => pending !== done);
    });
    this.#guard.protect(Promise.all([memoryScope, validationScope])).then(
      ([memory, validation]) => {
        if (memory)
          batch.settle(new OutOfMemory(`The GPU ran out of memory: ${memory.message}. Dispose tensors first.`));
        else batch.settle(validation ? asCuantaError(validation) : undefined);
      },
      (error: unknown) => batch.settle(asCuantaError(error)),
    );
  }

  #encode(batch: Batch, pipelines: ReadonlyMap<RecordedDispatch, Pipeline>): void {
    const device = this.#device;
    this.#writeUniforms(batch);
    let encoder = device.createCommandEncoder();
    let pass: GPUComputePassEncoder | undefined;
    const endPass = (): void => {
      pass?.end();
      pass = undefined;
    };
    let slot = 0;
    for (const command of batch.commands) {
      if (command.kind === 'dispatch') {
        const pipeline = pipelines.get(command);
        if (!pipeline) continue;
        const timestampWrites = this.profiler?.next(command.kernel.name);
        if (timestampWrites) endPass();
        pass ??= encoder.beginComputePass(timestampWrites ? { timestampWrites } : {});
        pass.setPipeline(pipeline.pipeline);
        pass.setBindGroup(0, this.#bindGroups.get(pipeline.layout, command.views), [slot * uniformSlotBytes]);
        const { workgroups } = command;
        if ('indirect' in workgroups) {
          pass.dispatchWorkgroupsIndirect(workgroups.indirect.allocation.buffer, workgroups.indirect.offset);
        } else {
          pass.dispatchWorkgroups(...workgroups);
        }
        if (timestampWrites) endPass();
        slot++;
        continue;
      }
      endPass();
      if (command.kind === 'copy') {
        const { allocation, offset, size } = command.source;
        encoder.copyBufferToBuffer(allocation.buffer, offset, command.target, command.targetOffset, size);
      } else if (command.kind === 'clear') {
        encoder.clearBuffer(command.target.allocation.buffer, command.target.offset, command.target.size);
      } else if (command.kind === 'upload') {
        device.queue.submit([encoder.finish()]);
        encoder = device.createCommandEncoder();
        this.#write(command.target, command.data);
      }
    }
    endPass();
    device.queue.submit([encoder.finish()]);
  }

  #writeUniforms(batch: Batch): void {
    if (batch.dispatchCount === 0) return;
    const bytes = new ArrayBuffer(batch.dispatchCount * uniformSlotBytes);
    const view = new DataView(bytes);
    let slot = 0;
    for (const command of batch.commands) {
      if (command.kind !== 'dispatch') continue;
      writeUniforms(view, slot * uniformSlotBytes, command.kernel.uniforms, command.uniforms);
      slot++;
    }
    // Writes and submissions take effect in order, so one arena serves every batch.
    this.#device.queue.writeBuffer(this.#arena, 0, bytes);
  }

  #write(target: BufferView, data: Uint8Array): void {
    const whole = data.byteLength - (data.byteLength % 4);
    const { queue } = this.#device;
    const { buffer } = target.allocation;
    if (whole > 0) queue.writeBuffer(buffer, target.offset, data.buffer, data.byteOffset, whole);
    if (whole < data.byteLength) {
      const rest = new Uint8Array(4);
      rest.set(data.subarray(whole));
      queue.writeBuffer(buffer, target.offset + whole, rest);
    }
  }

  /** Corrects the estimate of the adapter's speed by what a finished batch took. */
  #measure(batch: Batch, submitted: number): void {
    const now = performance.now();
    const busy = now - Math.max(submitted, this.#lastCompletion);
    this.#lastCompletion = now;
    this.#speed.measure(batch.work, busy, batch.speculative);
  }
}
