import { LimitExceeded } from '../base/errors.ts';
import type { Allocation, BufferView } from './allocation.ts';
import type { Engine } from './engine.ts';

/** A part of an allocation that fits one storage binding, in 32-bit words. */
export interface Window {
  readonly view: BufferView;
  readonly start: number;
  readonly length: number;
}

/** Offsets of bindings are multiples of this many bytes on every adapter. */
export const bindingAlignment = 256;

/**
 * Cuts the first `wordCount` words of an allocation into windows that fit one storage binding: a single one, unless the
 * data is larger. Any `span` consecutive words lie together in at least one of them.
 * @throws LimitExceeded when `span` words are more than one binding holds, or words more than a u32 counts.
 */
export function windowsOf(engine: Engine, allocation: Allocation, wordCount: number, span = 1): Window[] {
  if (wordCount > 0xffffffff) {
    throw new LimitExceeded(
      `${wordCount} elements or words are more than kernels can count (2^32 - 1); process the tensor in parts.`,
    );
  }
  const limit = Math.floor(engine.device.limits.maxStorageBufferBindingSize / 4);
  if (wordCount <= limit) {
    return [{ view: { allocation, offset: 0, size: Math.max(wordCount, 4) * 4 }, start: 0, length: wordCount }];
  }
  const alignment = bindingAlignment / 4;
  const step = Math.floor((limit - span + 1) / alignment) * alignment;
  if (step <= 0) {
    throw new LimitExceeded(
      `${span * 4} bytes must be bound together, but this adapter's maxStorageBufferBindingSize is ${limit * 4} bytes; cut the tensor along its last axis.`,
    );
  }
  const windows: Window[] = [];
  for (let start = 0; start + span <= wordCount; start += step) {
    const length = Math.min(step + span - 1, wordCount - start);
    windows.push({ view: { allocation, offset: start * 4, size: length * 4 }, start, length });
  }
  return windows;
}

/**
 * A binding that holds the bytes from `start` to `end` of an allocation: the whole of it where that fits (so that bind
 * groups are shared), else from the last aligned offset before `start`. `offset` is where it begins.
 */
export function windowOf(
  engine: Engine,
  allocation: Allocation,
  start: number,
  end: number,
): { readonly view: Allocation | BufferView; readonly offset: number } {
  if (allocation.size <= engine.device.limits.maxStorageBufferBindingSize) return { view: allocation, offset: 0 };
  const offset = start - (start % bindingAlignment);
  return { view: { allocation, offset, size: Math.ceil((end - offset) / 4) * 4 }, offset };
}

/**
 * Cuts `count` invocations or rows into runs of at most the engine's work budget where possible. All but the last are a
 * multiple of `multiple` long.
 */
export function* workRuns(
  engine: Engine,
  count: number,
  workEach: number,
  multiple: number,
): Generator<{ readonly first: number; readonly end: number; readonly work: number }> {
  const fitting = Math.floor(engine.workBudget / workEach / multiple) * multiple;
  const step = Math.max(fitting, multiple);
  for (let first = 0; first < count; first += step) {
    const end = Math.min(first + step, count);
    yield { first, end, work: (end - first) * workEach };
  }
}
