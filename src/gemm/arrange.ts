import type { Allocation } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import { windowsOf, workRuns } from '../gpu/windows.ts';
import type { CodeSource } from './codeSource.ts';
import type { Groups } from './groups.ts';

const arrangeKernel = declareKernel({
  name: 'gemm/arrange',
  uniforms: {
    start: 'u32',
    end: 'u32',
    sourceStart: 'u32',
    sourceLength: 'u32',
    arrangedStart: 'u32',
    rowCount: 'u32',
    rowWords: 'u32',
    groupWords: 'u32',
    groupSize: 'u32',
    depth: 'u32',
    bits: 'u32',
    signedCodes: 'u32',
    factor: 'i32',
    offset: 'i32',
    wordBatch: 'u32',
    wordRow: 'u32',
    wordDepth: 'u32',
    elementBatch: 'u32',
    elementRow: 'u32',
    elementDepth: 'u32',
  },
  bindings: { source: 'read', arranged: 'write' },
});

/** Operations for one word: four codes are found, cut out and put together. */
const workPerWord = 120;

/** Records the arrangement of codes as signed bytes along K, rows (and groups of K) padded to 16 bytes. */
export function arrange(engine: Engine, source: CodeSource, groups: Groups): Allocation {
  const rowWords = groups.rowVectors * 4;
  const wordCount = source.batchCount * source.rowCount * rowWords;
  const arranged = engine.allocate(wordCount * 4);
  const { bits, isSign, signed } = source;
  // A code may lie in two words.
  const sourceWindows = windowsOf(engine, source.codes, source.codes.size / 4, 2);
  const variant = { conditions: { parts: sourceWindows.length > 1 } };
  for (const window of windowsOf(engine, arranged, wordCount)) {
    for (const sourceWindow of sourceWindows) {
      for (const { first, end, work } of workRuns(engine, window.length, workPerWord, 64)) {
        engine.run(arrangeKernel, {
          uniforms: {
            start: first,
            end,
            sourceStart: sourceWindow.start,
            sourceLength: sourceWindow.length,
            arrangedStart: window.start,
            rowCount: source.rowCount,
            rowWords,
            groupWords: groups.vectors * 4,
            groupSize: groups.size,
            depth: source.depth,
            bits,
            signedCodes: signed && !isSign ? 1 : 0,
            factor: isSign ? 2 : 1,
            offset: isSign ? 1 : source.shift,
            ...source.strides,
          },
          bindings: { source: sourceWindow.view, arranged: window.view },
          workgroups: Math.ceil((end - first) / 64),
          work,
          variant,
        });
      }
    }
  }
  return arranged;
}
