/** Weights as entries of a table, which need not lie at equal distances. */

import type { Shape } from '../../base/shape.ts';
import { KMeans } from '../../cluster/kmeans/kmeans.ts';
import type { Engine } from '../../gpu/engine.ts';
import { type HostTensor, hostTensor } from '../hostTensor.ts';
import type { LayerFormat } from './options.ts';
import { transpose, type WeightMatrix } from './weightMatrix.ts';

/** Weights as codes of a table's entries, times a scale of each channel or group. */
export interface LookupWeights {
  /** uint4 or uint8. */
  readonly codes: HostTensor;
  /** [entries], float32. */
  readonly table: HostTensor;
  /** float32, which broadcast to the codes once they are taken by groups; undefined where entries are the weights. */
  readonly scales: HostTensor | undefined;
  /** Which of the scales, along an axis, each place of that axis takes; undefined where they broadcast as they are. */
  readonly groups: { readonly axis: number; readonly indices: HostTensor } | undefined;
  /** The shape of the weights, where codes are those of a matrix instead. */
  readonly reshape: Shape | undefined;
}

/** NormalFloat of 4 bits: quantiles of the normal distribution, 0 among them, scaled to [-1, 1] (QLoRA, appendix E). */
export const normalFloat4 = Float32Array.of(
  -1,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1,
);

/** Greatest magnitudes of channels or groups; 1 where the granularity is `tensor`, and for what is 0 throughout. */
interface Scales {
  readonly values: Float32Array<ArrayBuffer>;
  /** The scale at [row, column] is row · rowStep + ⌊column / groupSize⌋. */
  readonly rowStep: number;
  readonly groupSize: number;
}

function scalesOf({ rows, columns, values }: WeightMatrix, { granularity }: LayerFormat): Scales {
  const isWhole = granularity === 'tensor';
  const size = typeof granularity === 'object' ? granularity.group : columns;
  const groupSize = Math.max(Math.min(size, columns), 1);
  const rowStep = isWhole ? 0 : Math.ceil(columns / groupSize);
  const scales = new Float32Array(isWhole ? 1 : rows * rowStep);
  for (let index = 0; !isWhole && index < values.length; index++) {
    const row = Math.floor(index / columns);
    const place = row * rowStep + Math.floor((index - row * columns) / groupSize);
    scales[place] = Math.max(scales[place] ?? 0, Math.abs(values[index] ?? 0));
  }
  return { values: scales.map((scale) => scale || 1), rowStep, groupSize };
}

const scaleAt = ({ values, rowStep, groupSize }: Scales, row: number, column: number): number =>
  values[row * rowStep + (rowStep === 0 ? 0 : Math.floor(column / groupSize))] ?? 1;

/** Weights over their scales. */
function shares({ rows, columns, values }: WeightMatrix, scales: Scales): Float32Array<ArrayBuffer> {
  const found = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const index = row * columns + column;
      found[index] = (values[index] ?? 0) / scaleAt(scales, row, column);
    }
  }
  return found;
}

/**
 * The table of a layer: centroids of its weights over their scales, in ascending order, at most 2^bits. The k-means starts from
 * centroids at equal distances, so that rare great weights have entries of their own, and draws nothing at random.
 *
 * @throws Aborted
 */
export async function fitCodebook(
  engine: Engine,
  matrix: WeightMatrix,
  format: LayerFormat,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const points = shares(matrix, scalesOf(matrix, format));
  const distinct = [...new Set(points)].sort((a, b) => a - b);
  const clusters = 2 ** format.bits;
  if (distinct.length <= clusters) return Float32Array.from(distinct);
  const [least = 0, greatest = 0] = [distinct[0], distinct.at(-1)];
  const init = Float64Array.from({ length: clusters }, (_, entry) => {
    return least + ((greatest - least) * (entry + 0.5)) / clusters;
  });
  const fit = await new KMeans({ clusters, init }).fit(
    engine,
    { data: points, rowCount: points.length, columnCount: 1 },
    signal ? { signal } : {},
  );
  return Float32Array.from(fit.centroids).sort();
}

/** Weights as the nearest entries of a table, and the numbers that these stand for. */
export function lookupWeights(
  matrix: WeightMatrix,
  format: LayerFormat,
  table: Float32Array,
): { readonly constant: LookupWeights; readonly values: Float64Array } {
  const { rows, columns, shape, transposed, channelAxis } = matrix;
  const scales = scalesOf(matrix, format);
  const codes = Uint8Array.from(shares(matrix, scales), (share) => nearestEntry(table, share));
  const values = Float64Array.from(codes, (code, index) => {
    const row = Math.floor(index / columns);
    return Math.fround((table[code] ?? 0) * scaleAt(scales, row, index - row * columns));
  });
  const { rowStep } = scales;
  const isMatrix = rowStep > 1;
  const codeShape = !isMatrix ? shape : transposed ? [columns, rows] : [rows, columns];
  const axis = transposed ? 0 : 1;
  const broadcast = shape.map((length, place) => (place === channelAxis ? length : 1));
  const scaleShape = !isMatrix ? broadcast : transposed ? [rowStep, rows] : [rows, rowStep];
  const ordered = transposed && isMatrix ? transpose(scales.values, rows, rowStep) : scales.values;
  const indices = Array.from({ length: columns }, (_, column) => Math.floor(column / scales.groupSize));
  const constant = {
    codes: hostTensor(
      format.bits === 4 ? 'uint4' : 'uint8',
      codeShape,
      transposed ? transpose(codes, rows, columns) : codes,
    ),
    table: hostTensor('float32', [table.length], table),
    scales: rowStep === 0 ? undefined : hostTensor('float32', scaleShape, ordered),
    groups: isMatrix ? { axis, indices: hostTensor('int32', [columns], indices) } : undefined,
    reshape: codeShape.join() === shape.join() ? undefined : shape,
  };
  return { constant, values };
}

/** The place of the entry of an ascending table that is nearest to a number; of two equally near ones the lower. */
function nearestEntry(table: Float32Array, value: number): number {
  let [low, high] = [0, table.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    const border = ((table[middle] ?? 0) + (table[middle + 1] ?? 0)) / 2;
    if (value <= border) high = middle;
    else low = middle + 1;
  }
  return low;
}
