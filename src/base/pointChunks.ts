/** Some consecutive rows of points. */
export interface PointChunk {
  /** Row-major [rowCount, columnCount], all finite. Not to be written to after it was handed out. */
  readonly data: Float32Array | Float64Array;
  readonly rowCount: number;
}

/** Points that are read piece by piece, as often as needed: for more than memory holds. */
export interface PointChunks {
  readonly columnCount: number;
  /** All rows, if that is known without reading them. */
  readonly rowCount?: number;
  /** Reads all rows from the first on; the same rows at every call, in chunks of whatever size. */
  chunks(): AsyncIterable<PointChunk>;
  /** Reads `count` rows from `first` on, if rows can be reached without reading those before them. */
  readRows?(first: number, count: number): Promise<Float32Array | Float64Array>;
}
