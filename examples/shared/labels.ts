/** Labels that are drawn from: u32 words in a buffer, all ones for no cluster. */
import type { Engine, Tensor } from '../../src/index.ts';

const unlabelled = -1;

/** Takes labels over from the CPU; −1 for none. */
export function writeLabels({ device }: Engine, target: GPUBuffer, labels: Int32Array): void {
  device.queue.writeBuffer(target, 0, labels.slice());
}

/** Takes all labels off. @param count words of the buffer */
export function clearLabels(engine: Engine, target: GPUBuffer, count: number): void {
  writeLabels(engine, target, new Int32Array(count).fill(unlabelled));
}

/**
 * Takes labels over from a tensor, on the GPU: nothing is read back.
 *
 * @param targetNow where to, if anywhere by then
 */
export async function copyLabels(
  engine: Engine,
  labels: Tensor<'int32'>,
  targetNow: () => GPUBuffer | undefined,
): Promise<void> {
  const { buffer } = labels.allocation;
  // What computes the labels has to be submitted before the copy is.
  await engine.flush();
  const target = targetNow();
  if (!target) return;
  const encoder = engine.device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, target, 0, labels.size * 4);
  engine.device.queue.submit([encoder.finish()]);
}
