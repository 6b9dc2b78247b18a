/** What calibration found, as a file: to be used again, and to go on with. */
import { InvalidInput } from '../../base/errors.ts';
import { sha256 } from '../../base/sha256.ts';
import type { CalibrationMethod, CalibrationStatistics } from '../../calib/statistics.ts';
import type { HostTensor } from '../../graph/hostTensor.ts';
import type { InputMoments, LayerInputs } from '../../graph/quantization/layerInputs.ts';

/** A calibration, finished or not. */
export interface SavedCalibration {
  /** SHA-256 of the model's files. */
  readonly model: string;
  /** Whether layers were equalized before. */
  readonly equalized: boolean;
  /** How inputs of matrix products were smoothed before; null where they were not. */
  readonly smoothing: Smoothing | null;
  /** Batches that the statistics are of. */
  readonly batches: number;
  /** `hashOfSamples` of these. */
  readonly samples: string;
  readonly statistics: CalibrationStatistics;
  /** What layers were given, by all batches; undefined where it was not asked for, or not found yet. */
  readonly layers: LayerInputs | undefined;
}

/** How inputs of matrix products are smoothed: what `smoothLayers` takes. */
export interface Smoothing {
  /** Its `alpha`. */
  readonly strength: number;
  /** What `observeChannels` found. */
  readonly channels: CalibrationStatistics;
}

/** How ranges are gathered; null for what is not said. */
export interface CalibrationSettings {
  readonly method: CalibrationMethod | null;
  readonly averagingConstant: number | null;
  readonly percentile: number | null;
}

const kind = 'cuanta calibration';

/** The file of a calibration: JSON, sums of layers as the base64 of their float32 numbers. */
export function encodeCalibration({ layers, ...saved }: SavedCalibration): Uint8Array<ArrayBuffer> {
  const moments = layers && [...layers].map(([key, { sums, ...rest }]) => ({ key, ...rest, sums: toBase64(sums) }));
  return new TextEncoder().encode(JSON.stringify({ kind, version: 1, ...saved, layers: moments ?? null }));
}

/** Reads what `encodeCalibration` wrote. @throws InvalidInput for anything else */
export function decodeCalibration(bytes: Uint8Array): SavedCalibration {
  const read = (): unknown => {
    try {
      return JSON.parse(new TextDecoder().decode(bytes));
    } catch {
      return undefined;
    }
  };
  const found = read();
  if (!isCalibration(found)) {
    throw new InvalidInput(
      'The saved calibration is not a file of "cuanta quantize --save-calibration", version 1; calibrate again.',
    );
  }
  const { model, equalized, smoothing = null, batches, samples, statistics, layers } = found;
  const moments = layers?.map(({ key, sums, ...rest }): [string, InputMoments] => [
    key,
    { ...rest, sums: fromBase64(sums) },
  ]);
  return { model, equalized, smoothing, batches, samples, statistics, layers: moments && new Map(moments) };
}

interface StoredCalibration extends Omit<SavedCalibration, 'layers' | 'smoothing'> {
  readonly smoothing?: Smoothing | null;
  readonly layers: readonly (Omit<InputMoments, 'sums'> & { readonly key: string; readonly sums: string })[] | null;
}

function isCalibration(found: unknown): found is StoredCalibration {
  if (typeof found !== 'object' || found === null) return false;
  const given = new Map<string, unknown>(Object.entries(found));
  const types = { model: 'string', equalized: 'boolean', batches: 'number', samples: 'string', statistics: 'object' };
  return (
    given.get('kind') === kind &&
    given.get('version') === 1 &&
    Object.entries(types).every(([name, type]) => typeof given.get(name) === type) &&
    typeof (given.get('smoothing') ?? null) === 'object' &&
    (given.get('layers') === null || Array.isArray(given.get('layers')))
  );
}

/** What a saved calibration has to be of. */
export interface WantedCalibration {
  /** `hashOf` the model's files. */
  readonly model: string;
  readonly equalized: boolean;
  /** Strength of the smoothing; null for none. */
  readonly smooth: number | null;
  readonly settings: CalibrationSettings;
}

/** @throws InvalidInput where a saved calibration is of another model, or was made in another way than is asked for */
export function assertFits(saved: SavedCalibration, wanted: WantedCalibration): void {
  const refuse = (what: string): never => {
    throw new InvalidInput(`The saved calibration ${what}; name another file, or leave that option out.`);
  };
  if (saved.model !== wanted.model) refuse('is of another model');
  if (saved.equalized !== wanted.equalized) {
    refuse(saved.equalized ? 'is of equalized layers (--equalize)' : 'is of layers that are not equalized');
  }
  const strength = saved.smoothing?.strength ?? null;
  if (strength !== wanted.smooth) {
    refuse(strength === null ? 'is of inputs that are not smoothed' : `is of smoothed inputs (--smooth ${strength})`);
  }
  for (const name of ['method', 'averagingConstant', 'percentile'] as const) {
    const [asked, known] = [wanted.settings[name], saved.statistics[name]];
    if (asked !== null && known !== undefined && asked !== known) refuse(`has ${name} ${known}, not ${asked}`);
  }
}

/** A hash of batches in their order, which begins with that of those before them; '' for none. */
export async function hashOfSamples(
  batches: readonly Readonly<Record<string, HostTensor>>[],
  before = '',
): Promise<string> {
  let hash = before;
  for (const batch of batches) {
    const parts = Object.entries(batch).flatMap(([name, { shape, data }]) => [
      new TextEncoder().encode(JSON.stringify([name, shape])),
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    ]);
    hash = await hashOf([new TextEncoder().encode(hash), ...parts]);
  }
  return hash;
}

/** SHA-256 of byte strings, one after the other. */
export async function hashOf(parts: readonly Uint8Array[]): Promise<string> {
  return sha256(new Uint8Array(await new Blob(parts.map((part) => new Uint8Array(part))).arrayBuffer()));
}

/** Characters that one call takes. */
const chunk = 2 ** 14;

function toBase64({ buffer, byteOffset, byteLength }: Float32Array): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  let text = '';
  for (let first = 0; first < bytes.length; first += chunk) {
    text += String.fromCharCode(...bytes.subarray(first, first + chunk));
  }
  return btoa(text);
}

function fromBase64(text: string): Float32Array {
  const characters = atob(text);
  return new Float32Array(Uint8Array.from(characters, (character) => character.charCodeAt(0)).buffer);
}
