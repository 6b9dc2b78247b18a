import type { PointChunks } from '../../base/pointChunks.ts';
import type { Engine } from '../../gpu/engine.ts';
import { addInertia } from '../kmeans/inertia.ts';
import type { KMeansFit } from '../kmeans/kmeans.ts';
import { fromFrame, type Predictor, predictorOf } from '../kmeans/predictor.ts';
import type { Frame } from '../points/frame.ts';
import { ChunkReader } from './chunkReader.ts';
import type { StoredLabels } from './storedLabels.ts';

/** What a fit over chunks comes to beside how it ended. */
export interface ChunkFit extends Predictor, Pick<KMeansFit, 'centroids' | 'inertia' | 'sizes' | 'labelsSha256'> {
  /** Nearest final centroid of each point; the lowest index wins a tie. */
  readonly labels: StoredLabels;
  /** The labels of other points that come chunk by chunk: one array a chunk. @throws ShapeMismatch, InvalidInput */
  predictChunks(points: PointChunks): AsyncGenerator<Int32Array<ArrayBuffer>>;
}

/**
 * Sizes and inertia, from another reading of the points in the order of the rows.
 * @param framed [clusters][rowFloats], the final centroids in the frame
 */
export async function concludeChunks(
  engine: Engine,
  reader: ChunkReader,
  labels: StoredLabels,
  framed: Float32Array<ArrayBuffer>,
  frame: Frame,
): Promise<ChunkFit> {
  const centroids = fromFrame(framed, frame);
  const sizes = new Int32Array(centroids.length / reader.columnCount);
  let inertia = 0;
  for await (const { data, rowCount, firstRow } of reader.chunks()) {
    const own = labels.slice(firstRow, firstRow + rowCount);
    for (const label of own) sizes[label] = (sizes[label] as number) + 1;
    inertia = addInertia(inertia, data, reader.columnCount, own, centroids);
  }
  const predictor = predictorOf(engine, { framed, frame });
  return {
    ...predictor,
    labels,
    centroids,
    inertia,
    sizes,
    async *predictChunks(others) {
      for await (const { data, rowCount } of new ChunkReader(others, 'predict').chunks()) {
        const points = { data, rowCount, columnCount: others.columnCount };
        yield rowCount === 0 ? new Int32Array() : await predictor.predict(points);
      }
    },
    labelsSha256: () => labels.sha256(),
  };
}
