/** The calibration of a model by a job: from samples, from what was saved, or from both. */
import { InvalidInput } from '../../base/errors.ts';
import type { CalibrationStatistics } from '../../calib/statistics.ts';
import { calibrate } from '../../graph/calibrate.ts';
import type { HostTensor } from '../../graph/hostTensor.ts';
import type { Model } from '../../graph/model.ts';
import { type LayerInputs, observeLayers } from '../../graph/quantization/layerInputs.ts';
import { observeChannels, smoothableNodes } from '../../graph/quantization/smoothQuant.ts';
import type { JobContext } from './job.ts';
import {
  assertFits,
  type CalibrationSettings,
  decodeCalibration,
  encodeCalibration,
  hashOfSamples,
  type SavedCalibration,
  type Smoothing,
  type WantedCalibration,
} from './savedCalibration.ts';

/** Which calibration is needed. */
export interface CalibrationTask {
  /** The model that will be quantized: equalized and smoothed where that is asked for. */
  readonly model: Model;
  /** Samples; none where the saved calibration serves as it is. */
  readonly batches: readonly Readonly<Record<string, HostTensor>>[];
  readonly settings: CalibrationSettings;
  /** Whether ranges of values are needed, and what layers are given. */
  readonly needs: { readonly ranges: boolean; readonly layers: boolean };
  /** Batches from one time that what was found is saved to the next; null where it is not saved. */
  readonly saveEvery: number | null;
  /** `hashOf` the model's files. */
  readonly hash: string;
  readonly equalized: boolean;
  readonly smoothing: Smoothing | null;
  /** What `savedCalibration` read; undefined where nothing was saved. */
  readonly known: SavedCalibration | undefined;
}

/** What calibration found. */
export interface Calibrated {
  readonly statistics: CalibrationStatistics | undefined;
  readonly layerInputs: LayerInputs | undefined;
  /** Batches that the statistics, or else the sums of layers, are of. */
  readonly batches: number;
  /** Of these, how many were not run because what they say was saved. */
  readonly saved: number;
  /** The calibration as a file; undefined where it is not to be saved. */
  readonly file: Uint8Array<ArrayBuffer> | undefined;
}

/** Name of the job's input that holds a calibration that was saved, and of the file that the job gives. */
export const savedInput = 'savedCalibration';

/**
 * The calibration in the job's input `savedCalibration`, if that is there.
 *
 * @throws InvalidInput where it is of another model, or was made in another way
 */
export function savedCalibration(
  { inputs }: Pick<JobContext, 'inputs'>,
  wanted: WantedCalibration,
): SavedCalibration | undefined {
  const bytes = inputs[savedInput];
  if (!bytes) return undefined;
  const saved = decodeCalibration(bytes);
  assertFits(saved, wanted);
  return saved;
}

/**
 * What smooths the inputs of a model's matrix products: as it was saved, even where there are more samples now, or else from all
 * samples.
 *
 * @throws InvalidInput for a model without such products, and for no samples where nothing was saved; whatever `observeChannels` throws
 */
export async function findSmoothing(
  model: Model,
  strength: number,
  { batches, known }: Pick<CalibrationTask, 'batches' | 'known'>,
  { onProgress, signal }: Pick<JobContext, 'onProgress' | 'signal'>,
): Promise<Smoothing> {
  if (smoothableNodes(model).length === 0) {
    throw new InvalidInput(
      'The model has no matrix products with constant weights, whose inputs are smoothed; leave --smooth out.',
    );
  }
  if (known?.smoothing) return known.smoothing;
  if (batches.length === 0) throw needsSamples('Smoothing');
  const channels = await observeChannels(model, batches, {
    ...(signal && { signal }),
    onProgress: (count) => onProgress?.(`looked at channels with ${count} of ${batches.length} batches`),
  });
  return { strength, channels };
}

/**
 * Calibrates a model, beginning after the batches that a saved calibration has.
 *
 * @throws InvalidInput where that is of other samples, and for no samples where some are needed; whatever `calibrate` and
 * `observeLayers` throw
 */
export async function calibrateModel(
  task: CalibrationTask,
  context: Pick<JobContext, 'onProgress' | 'onFile' | 'signal'>,
): Promise<Calibrated> {
  const { model, batches, settings, needs, saveEvery, hash, equalized, smoothing, known } = task;
  const { onProgress, onFile, signal } = context;
  if (known) await assertSameSamples(known, batches);
  const done = known?.batches ?? 0;
  const total = Math.max(batches.length, done);
  const { method, averagingConstant, percentile } = settings;
  let samples = known?.samples ?? '';
  let hashed = done;
  const describe = async (statistics: CalibrationStatistics, count: number): Promise<SavedCalibration> => {
    samples = await hashOfSamples(batches.slice(hashed, count), samples);
    hashed = count;
    return { model: hash, equalized, smoothing, batches: count, samples, statistics, layers: known?.layers };
  };
  let statistics = known?.statistics;
  if (needs.ranges && done < total) {
    onProgress?.(`calibrating with ${total} batches${done > 0 ? `, ${done} of them done before` : ''}`);
    statistics = await calibrate(model, batches.slice(done), {
      method: method ?? known?.statistics.method ?? 'minmax',
      ...optional('averagingConstant', averagingConstant ?? known?.statistics.averagingConstant),
      ...optional('percentile', percentile ?? known?.statistics.percentile),
      ...(known && { earlier: known.statistics }),
      ...(signal && { signal }),
      onProgress: (count) => onProgress?.(`calibrated with ${done + count} of ${total} batches`),
      ...(saveEvery !== null &&
        onFile && {
          save: {
            every: saveEvery,
            to: async (found, count) => onFile(savedInput, encodeCalibration(await describe(found, done + count))),
          },
        }),
    });
  }
  if (needs.ranges && !statistics) throw needsSamples('Ranges of activations');
  // Sums of fewer batches than there are now are made anew.
  const useful = known?.layers && done === total ? known.layers : undefined;
  if (needs.layers && !useful && batches.length === 0) throw needsSamples('What is asked for of weights');
  const layerInputs = needs.layers
    ? (useful ??
      (await observeLayers(model, batches, {
        ...(signal && { signal }),
        onProgress: (count) => onProgress?.(`looked at layers with ${count} of ${batches.length} batches`),
      })))
    : undefined;
  const file =
    saveEvery !== null && statistics
      ? encodeCalibration({ ...(await describe(statistics, total)), layers: layerInputs ?? useful })
      : undefined;
  return { statistics, layerInputs, batches: total, saved: done, file };
}

const optional = <Key extends string>(key: Key, value: number | undefined) =>
  (value === undefined ? {} : { [key]: value }) as Partial<Record<Key, number>>;

function needsSamples(what: string): InvalidInput {
  return new InvalidInput(`${what} needs samples to calibrate with; name them with --calibration.`);
}

/** @throws InvalidInput */
async function assertSameSamples(
  { batches: count, samples }: SavedCalibration,
  batches: CalibrationTask['batches'],
): Promise<void> {
  if (batches.length === 0) return;
  if (count <= batches.length && (await hashOfSamples(batches.slice(0, count))) === samples) return;
  throw new InvalidInput(
    `The saved calibration is of ${count} batches, which are not the first of the ${batches.length} given now; name another file, or give the same samples in the same order, with more behind them if you like.`,
  );
}
