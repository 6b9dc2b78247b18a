import type { Engine } from '../gpu/engine.ts';
import { bindingAlignment } from '../gpu/windows.ts';

/** A part of the result of a batched product that one dispatch makes. */
export interface Block {
  readonly batchStart: number;
  readonly batchCount: number;
  readonly rowStart: number;
  readonly rowEnd: number;
  readonly columnStart: number;
  readonly columnEnd: number;
  /** Operations in it. */
  readonly work: number;
}

/** What decides how a product is cut into blocks. */
export interface BlockRequest {
  readonly batchCount: number;
  readonly rowCount: number;
  readonly columnCount: number;
  /** Rows and columns that one workgroup makes; blocks are whole multiples of them where they can be. */
  readonly tileRows: number;
  readonly tileColumns: number;
  readonly workPerCell: number;
  /** Bytes that each row or column of a block brings to a binding; 0 where that operand is always bound whole. */
  readonly aRowBytes: number;
  readonly bColumnBytes: number;
  readonly yRowBytes: number;
  /** Bytes of the whole operands: those that fit one binding are bound whole. */
  readonly whole: { readonly a: number; readonly b: number; readonly y: number };
}

/** At most `count`, as a whole number of tiles of at least one. */
function wholeTiles(count: number, tile: number): number {
  return Math.max(Math.floor(count / tile), 1) * tile;
}

/**
 * Cuts a batched product into blocks that keep to the adapter's largest binding, the largest dispatch and, by whole
 * workgroups, to the queue's work budget.
 */
export function* planBlocks(engine: Engine, request: BlockRequest): Generator<Block> {
  const { batchCount, rowCount, columnCount, tileRows, tileColumns, workPerCell, whole } = request;
  if (batchCount * rowCount * columnCount === 0) return;
  const { maxStorageBufferBindingSize: limit, maxComputeWorkgroupsPerDimension: gridLimit } = engine.device.limits;
  const fitting = (isWhole: boolean, lineBytes: number, lines: number): number =>
    isWhole || lineBytes === 0 ? lines : Math.max(1, Math.floor((limit - bindingAlignment) / lineBytes));
  const wholeA = whole.a <= limit;
  const wholeB = whole.b <= limit;
  const wholeY = whole.y <= limit;
  const cells = Math.max(1, engine.workBudget / Math.max(1, workPerCell));

  let columns = Math.min(columnCount, gridLimit * tileColumns, fitting(wholeB, request.bColumnBytes, columnCount));
  let rows = Math.min(
    rowCount,
    gridLimit * tileRows,
    fitting(wholeA, request.aRowBytes, rowCount),
    fitting(wholeY, request.yRowBytes, rowCount),
  );
  if (rows * columns > cells) rows = Math.min(rows, wholeTiles(cells / columns, tileRows));
  if (rows * columns > cells) columns = Math.min(columns, wholeTiles(cells / rows, tileColumns));
  const batches =
    rows === rowCount && columns === columnCount && wholeA && wholeB && wholeY
      ? Math.min(batchCount, gridLimit, Math.max(1, Math.floor(cells / (rows * columns))))
      : 1;

  for (let batchStart = 0; batchStart < batchCount; batchStart += batches) {
    const count = Math.min(batches, batchCount - batchStart);
    for (let columnStart = 0; columnStart < columnCount; columnStart += columns) {
      const columnEnd = Math.min(columnStart + columns, columnCount);
      for (let rowStart = 0; rowStart < rowCount; rowStart += rows) {
        const rowEnd = Math.min(rowStart + rows, rowCount);
        const work = count * (rowEnd - rowStart) * (columnEnd - columnStart) * workPerCell;
        yield { batchStart, batchCount: count, rowStart, rowEnd, columnStart, columnEnd, work };
      }
    }
  }
}
