import { abortable, throwIfAborted } from '../../base/abort.ts';
import { InvalidInput } from '../../base/errors.ts';
import type { Allocation } from '../../gpu/allocation.ts';
import type { Engine } from '../../gpu/engine.ts';
import { declareKernel } from '../../gpu/kernel.ts';
import { workRuns } from '../../gpu/windows.ts';
import type { Frame } from '../points/frame.ts';
import type { HostPoints } from '../points/points.ts';
import { codeAt, type HeldProductCodes, type ProductLayout } from './productCodes.ts';

const tablesKernel = declareKernel({
  name: 'cluster/productTables',
  uniforms: { first: 'u32', end: 'u32', tableLength: 'u32', codewords: 'u32', subspaces: 'u32', vectors: 'u32' },
  bindings: { queries: 'read', codebooks: 'read', tables: 'write' },
});

const searchKernel = declareKernel({
  name: 'cluster/productSearch',
  uniforms: {
    firstRow: 'u32',
    endRow: 'u32',
    windowRow: 'u32',
    rowWords: 'u32',
    codeWords: 'u32',
    tableLength: 'u32',
    invocations: 'u32',
    lists: 'u32',
    kept: 'u32',
    fresh: 'u32',
  },
  bindings: { codes: 'read', tables: 'read', nearest: 'write' },
});

const mergeKernel = declareKernel({
  name: 'cluster/productMerge',
  uniforms: { pairs: 'u32', kept: 'u32' },
  bindings: { lists: 'read', merged: 'write' },
});

/** How to search. */
export interface ProductSearchOptions {
  /** Nearest points to find, from 1 to 128 and to the number of codes. Default 10, or all of fewer codes. */
  readonly count?: number;
  /** Stops it with `Aborted`. */
  readonly signal?: AbortSignal;
}

/** The nearest coded points of each query, nearest first. */
export interface ProductNeighbours {
  /** Points of a query. */
  readonly count: number;
  /** [queries, count]: numbers of the coded points. */
  readonly rows: Int32Array<ArrayBuffer>;
  /** [queries, count]: distances of the queries to what the codes stand for, in float64. */
  readonly distances: Float64Array<ArrayBuffer>;
}

/** Codebooks in the points' own coordinates. */
interface Codebooks extends ProductLayout {
  readonly engine: Engine;
  readonly codebooks: Float64Array;
}

const largestCount = 128;
/** Points that are looked at again in float64 beside those asked for. */
const spare = 8;
const fewSlots = 18;
const width = 64;
const largestTableBytes = 32 << 20;
const largestListBytes = 32 << 20;
const largestBatch = 4096;
/** Rows of codes, 16 bytes or a multiple, that begin where bindings may: at 256 bytes. */
const rowGranularity = 16;

/** The nearest of `codes` to each query. */
export async function searchCodes(
  codebooks: Codebooks,
  frame: Frame,
  queries: HostPoints,
  codes: HeldProductCodes,
  { count = Math.min(10, codes.rowCount), signal }: ProductSearchOptions,
): Promise<ProductNeighbours> {
  const largest = Math.min(largestCount, codes.rowCount);
  if (!Number.isSafeInteger(count) || count < 1 || count > largest) {
    throw new InvalidInput(
      `Product quantization: count is ${count}; it must be a whole number from 1 to ${largest}, at most ${largestCount} and the number of codes, ${codes.rowCount}.`,
    );
  }
  throwIfAborted(signal);
  const kept = Math.min(codes.rowCount, count + spare);
  const rows = new Int32Array(queries.rowCount * count);
  const distances = new Float64Array(queries.rowCount * count);
  const { engine, bits, subspaces } = codebooks;
  const framed = inFrame(queries.data, codebooks, frame);
  const rowFloats = subspaces * vectorsOf(codebooks) * 4;
  const words = inFrame(codebooks.codebooks, codebooks, frame, 2 ** bits);
  const books = engine.allocate(words.byteLength);
  try {
    engine.upload(books, new Uint8Array(words.buffer));
    const tableLength = tableLengthOf(codebooks);
    const batch = Math.max(1, Math.min(largestBatch, Math.floor(largestTableBytes / (tableLength * 4))));
    for (let first = 0; first < queries.rowCount; first += batch) {
      const queryCount = Math.min(batch, queries.rowCount - first);
      const part = framed.slice(first * rowFloats, (first + queryCount) * rowFloats);
      const found = recordSearch(codebooks, { books, part, queryCount, kept }, codes);
      try {
        const pairs = new Uint32Array(await abortable(engine.readBytes(found, queryCount * kept * 8), signal));
        for (let query = 0; query < queryCount; query++) {
          const candidates = Uint32Array.from(
            { length: kept },
            (_, place) => pairs[(query * kept + place) * 2 + 1] ?? 0,
          );
          const best = ranked(codebooks, queries, first + query, codes, candidates).slice(0, count);
          best.forEach(({ row, squared }, place) => {
            rows[(first + query) * count + place] = row;
            distances[(first + query) * count + place] = Math.sqrt(squared);
          });
        }
      } finally {
        found.release();
      }
    }
  } finally {
    books.release();
  }
  return { count, rows, distances };
}

/**
 * Rows in the frame: the columns of each subspace padded with zeros to whole vec4f.
 * @param bookLength rows of `data` that belong to one subspace each, before those of the next; 0 where a row has all
 * @throws InvalidInput where float32 could not hold their distances
 */
function inFrame(data: ArrayLike<number>, layout: ProductLayout, { centre, exponent }: Frame, bookLength = 0) {
  const { subspaces, columnCount } = layout;
  const columns = columnCount / subspaces;
  const padded = vectorsOf(layout) * 4;
  const framed = new Float32Array((data.length / columns) * padded);
  const scale = 2 ** exponent;
  for (let index = 0; index < data.length; index++) {
    const run = Math.floor(index / columns);
    const subspace = bookLength === 0 ? run % subspaces : Math.floor(run / bookLength);
    const column = index % columns;
    const value = ((data[index] as number) - (centre[subspace * columns + column] as number)) * scale;
    if (!(Math.abs(value) < 2 ** 50)) {
      throw new InvalidInput(
        `Product quantization, queries: row ${Math.floor(index / columnCount)}, column ${index % columnCount} is ${data[index]}, 2^50 times as far from the codewords as they are from each other; all would be equally far. Give queries like the points trained with.`,
      );
    }
    framed[run * padded + column] = value;
  }
  return framed;
}

/** vec4f that hold a subspace of a point. */
function vectorsOf({ subspaces, columnCount }: ProductLayout): number {
  return Math.ceil(columnCount / subspaces / 4);
}

/** Words that the codes of a point fill. */
function codeWordsOf({ subspaces, bits }: ProductLayout): number {
  return Math.ceil((subspaces * bits) / 32);
}

/** Entries of a query's table: 2^bits for each code that the words of a point hold, those past the last subspace 0. */
function tableLengthOf(layout: ProductLayout): number {
  return codeWordsOf(layout) * (32 / layout.bits) * 2 ** layout.bits;
}

interface Batch {
  /** [subspaces, 2^bits, vectors] vec4f in the frame. */
  readonly books: Allocation;
  /** [queryCount, subspaces, vectors] vec4f in the frame. */
  readonly part: Float32Array<ArrayBuffer>;
  readonly queryCount: number;
  /** Points to keep of each query. */
  readonly kept: number;
}

/** Lists that a query's nearest are first kept in: enough to occupy the adapter, of rows enough each. A power of two. */
function listCount(engine: Engine, { queryCount, kept }: Batch, rowCount: number): number {
  const wanted = (engine.info.software ? 256 : 2 ** 17) / queryCount;
  const fitting = largestListBytes / (queryCount * kept * 8);
  const most = Math.min(wanted, fitting, rowCount / (4 * kept), 2 ** 14);
  return 2 ** Math.max(0, Math.floor(Math.log2(most)));
}

/** Records the search for a batch of queries: (bits of the squared distance, row) of the nearest of each, ascending. */
function recordSearch(codebooks: Codebooks, batch: Batch, codes: HeldProductCodes): Allocation {
  const { engine } = codebooks;
  const { queryCount, kept } = batch;
  const lists = listCount(engine, batch, codes.rowCount);
  const tables = recordTables(codebooks, batch);
  let nearest = engine.allocate(queryCount * lists * kept * 8);
  recordNearest(codebooks, batch, codes, { tables, nearest, lists });
  tables.release();
  for (let pairs = lists / 2; pairs >= 1; pairs /= 2) {
    const merged = engine.allocate(queryCount * pairs * kept * 8);
    engine.run(mergeKernel, {
      uniforms: { pairs: queryCount * pairs, kept },
      bindings: { lists: nearest, merged },
      workgroups: Math.ceil((queryCount * pairs) / width),
      work: queryCount * pairs * kept * 8,
      variant: { constants: { WIDTH: width } },
    });
    nearest.release();
    nearest = merged;
  }
  return nearest;
}

/** Records the squared distances of all queries to all codewords: [queries, table]. */
function recordTables(codebooks: Codebooks, { books, part, queryCount }: Batch): Allocation {
  const { engine, subspaces, bits } = codebooks;
  const tableLength = tableLengthOf(codebooks);
  const queries = engine.allocate(part.byteLength);
  const tables = engine.allocate(queryCount * tableLength * 4);
  engine.upload(queries, new Uint8Array(part.buffer));
  const vectors = vectorsOf(codebooks);
  for (const { first, end, work } of workRuns(engine, queryCount * tableLength, vectors * 12 + 16, width)) {
    engine.run(tablesKernel, {
      uniforms: { first, end, tableLength, codewords: 2 ** bits, subspaces, vectors },
      bindings: { queries, codebooks: books, tables },
      workgroups: Math.ceil((end - first) / width),
      work,
      variant: { constants: { WIDTH: width } },
    });
  }
  queries.release();
  return tables;
}

/** Records the pass over all codes. */
function recordNearest(
  codebooks: Codebooks,
  { queryCount, kept }: Batch,
  { tensor, rowCount }: HeldProductCodes,
  { tables, nearest, lists }: { readonly tables: Allocation; readonly nearest: Allocation; readonly lists: number },
): void {
  const { engine, bits } = codebooks;
  const codeWords = codeWordsOf(codebooks);
  const rowWords = Math.ceil(codeWords / 4) * 4;
  const invocations = queryCount * lists;
  const { maxStorageBufferBindingSize } = engine.device.limits;
  const step = Math.max(rowGranularity, lists);
  const bindable = Math.max(1, Math.floor(maxStorageBufferBindingSize / (rowWords * 4 * step))) * step;
  const workPerRow = queryCount * (codeWords * (32 / bits) * 5 + 8);
  for (let windowRow = 0; windowRow < rowCount; windowRow += bindable) {
    const count = Math.min(bindable, rowCount - windowRow);
    const window = { allocation: tensor.allocation, offset: windowRow * rowWords * 4, size: count * rowWords * 4 };
    for (const { first: firstRow, end: endRow, work } of workRuns(engine, count, workPerRow, step)) {
      engine.run(searchKernel, {
        uniforms: {
          firstRow,
          endRow,
          windowRow,
          rowWords,
          codeWords,
          tableLength: tableLengthOf(codebooks),
          invocations,
          lists,
          kept,
          fresh: windowRow + firstRow === 0 ? 1 : 0,
        },
        bindings: { codes: window, tables, nearest },
        workgroups: Math.ceil(invocations / width),
        work,
        variant: {
          constants: { WIDTH: width, SLOTS: kept <= fewSlots ? fewSlots : largestCount + spare, BITS: bits },
        },
      });
    }
  }
}

/** Candidates in the order of their distances in float64, and of their rows. */
function ranked(
  codebooks: Codebooks,
  queries: HostPoints,
  query: number,
  codes: HeldProductCodes,
  candidates: Uint32Array,
): { readonly row: number; readonly squared: number }[] {
  const { subspaces, bits, columnCount } = codebooks;
  const columns = columnCount / subspaces;
  const measured = Array.from(candidates, (row) => {
    let squared = 0;
    for (let subspace = 0; subspace < subspaces; subspace++) {
      const codeword = (subspace * 2 ** bits + codeAt(codes, codebooks, row, subspace)) * columns;
      const from = query * columnCount + subspace * columns;
      for (let column = 0; column < columns; column++) {
        squared += ((queries.data[from + column] as number) - (codebooks.codebooks[codeword + column] as number)) ** 2;
      }
    }
    return { row, squared };
  });
  return measured.sort((a, b) => a.squared - b.squared || a.row - b.row);
}
