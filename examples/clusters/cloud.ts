import type { Engine, HostPoints, PointSource, Tensor } from '../../src/index.ts';

/** Points to cluster, and what is known of them. */
export interface Cloud {
  /** What they are, in a few words. */
  readonly name: string;
  readonly points: HostPoints;
  /** Names of the columns. */
  readonly columns: readonly string[];
  /** A name for each row. */
  readonly rowNames?: readonly string[];
  /** The cluster that each point was made for; −1 for noise. */
  readonly truth?: Int32Array;
  /** The picture whose pixels are the points: red, green and blue, 0 … 255. */
  readonly picture?: ImageData;
}

/** Smallest and largest finite value of a column. */
interface Range {
  readonly low: number;
  readonly high: number;
}

/** Which columns are drawn along x, y and z; no z in a flat plot. */
export type Axes = readonly [x: number, y: number, z: number | undefined];

/** Where a column is drawn: a value v at (v − middle) · scale, within ±1. */
export interface PlottedAxis extends Range {
  readonly column: number;
  readonly middle: number;
  readonly scale: number;
}

/** Extents that differ more than so many times are drawn equally long. */
const largestStretch = 4;

function rangesOf({ data, columnCount }: HostPoints): Range[] {
  const low = new Float64Array(columnCount).fill(Number.POSITIVE_INFINITY);
  const high = new Float64Array(columnCount).fill(Number.NEGATIVE_INFINITY);
  for (let start = 0; start < data.length; start += columnCount) {
    for (let column = 0; column < columnCount; column++) {
      const value = data[start + column] as number;
      if (!Number.isFinite(value)) continue;
      if (value < (low[column] as number)) low[column] = value;
      if (value > (high[column] as number)) high[column] = value;
    }
  }
  return Array.from(low, (least, column) =>
    least <= (high[column] as number) ? { low: least, high: high[column] as number } : { low: 0, high: 0 },
  );
}

/** A cloud with its points on the GPU. Holds GPU memory until `release()`. */
export class HeldCloud {
  readonly cloud: Cloud;
  /** [rows, columns]: what is drawn. */
  readonly positions: Tensor<'float32'>;
  /** What is clustered: the same tensor, or the points themselves where they have more digits than that. */
  readonly source: PointSource;
  readonly #ranges: readonly Range[];
  /** Taken off the values before they became `positions`. */
  readonly #offsets: readonly number[];

  constructor(engine: Engine, cloud: Cloud) {
    this.cloud = cloud;
    const { data, rowCount, columnCount } = cloud.points;
    this.#ranges = rangesOf(cloud.points);
    if (data instanceof Float32Array) {
      this.#offsets = this.#ranges.map(() => 0);
      this.positions = engine.tensor(data as Float32Array<ArrayBuffer>, [rowCount, columnCount]);
      this.source = this.positions;
      return;
    }
    // Far from zero, float32 has no digits left for what tells the points apart.
    this.#offsets = this.#ranges.map(({ low, high }) => low / 2 + high / 2);
    const near = Float32Array.from(data, (value, index) => value - (this.#offsets[index % columnCount] as number));
    this.positions = engine.tensor(near, [rowCount, columnCount]);
    this.source = cloud.points;
  }

  /** How the columns are drawn. */
  plotted(axes: Axes): PlottedAxis[] {
    const ranges = axes
      .filter((column) => column !== undefined)
      .map((column) => ({ column, ...(this.#ranges[column] as Range) }));
    const extents = ranges.map(({ low, high }) => high - low);
    const longest = Math.max(...extents);
    const isEqual = extents.every((extent) => extent === 0 || longest <= largestStretch * extent);
    return ranges.map(({ column, low, high }) => {
      const extent = isEqual ? longest : high - low;
      return { column, low, high, middle: low / 2 + high / 2, scale: extent > 0 ? 2 / extent : 1 };
    });
  }

  /** The value in `positions` that stands for a value of a column. */
  toPosition(column: number, value: number): number {
    return value - (this.#offsets[column] ?? 0);
  }

  release(): void {
    this.positions.dispose();
  }
}

/** The first three columns, or two where there are only two; a single column is drawn along both. */
export function firstAxes(columnCount: number): Axes {
  return [0, Math.min(1, columnCount - 1), columnCount > 2 ? 2 : undefined];
}
