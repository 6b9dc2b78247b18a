import { Aborted } from '../base/errors.ts';
import type { CalibrationStatistics } from '../calib/statistics.ts';
import type { Engine } from '../gpu/engine.ts';
import type { Model } from '../graph/model.ts';
import { type AdaRoundOptions, adaRound } from '../graph/quantization/adaRound.ts';
import { fitCodebook } from '../graph/quantization/codebook.ts';
import { neededOpset, type QuantizeModelOptions } from '../graph/quantization/options.ts';
import type { PreparedLayer, PreparedWeights } from '../graph/quantization/prepared.ts';
import { weightRequests } from '../graph/quantization/quantizeGraph.ts';
import { gridOf, preparationKey, taskOf, type WeightRequest } from '../graph/quantization/weights.ts';
import { upgradeGraph } from './upgrade.ts';

/** How weights are prepared. */
export interface PrepareWeightsOptions {
  /** How `adaround` goes. */
  readonly adaRound?: AdaRoundOptions;
  /** Ends the work early, with `Aborted`. */
  readonly signal?: AbortSignal;
  /** Told after each layer how many of all are done. */
  readonly onProgress?: (layers: number, all: number) => void;
}

/**
 * Finds on the GPU what `quantizeModel` needs to know of weights beforehand: codes by `adaround`, tables for `codebook`. Layers that
 * need nothing are passed over.
 *
 * ```ts
 * const options = { weights: { bits: 4, rounding: 'adaround' }, layerInputs: await observeLayers(model, batches) } as const;
 * const prepared = await prepareWeights(model, statistics, options);
 * const quantized = quantizeModel(model, statistics, { ...options, prepared });
 * ```
 *
 * @param statistics and the options are those of `quantizeModel`, which takes the result as `prepared`
 * @throws InvalidInput and InvalidQuantization as `quantizeModel` does, and for options out of range; Aborted
 */
export async function prepareWeights(
  model: Model,
  statistics: CalibrationStatistics | undefined,
  options: QuantizeModelOptions,
  { onProgress, signal, ...settings }: PrepareWeightsOptions = {},
): Promise<PreparedWeights> {
  const { engine, source, operators } = model;
  const requests = weightRequests(upgradeGraph(source, neededOpset(options)), operators, statistics, options);
  const found = new Map<string, PreparedLayer>();
  let done = 0;
  for (const [name, request] of requests) {
    if (signal?.aborted) throw new Aborted(`Preparing weights was stopped after ${done} layer(s); start it again.`);
    const layer = await prepare(engine, request, settings.adaRound, signal);
    if (layer) found.set(name, layer);
    onProgress?.(++done, requests.size);
  }
  return found;
}

async function prepare(
  engine: Engine,
  request: WeightRequest,
  options: AdaRoundOptions | undefined,
  signal: AbortSignal | undefined,
): Promise<PreparedLayer | undefined> {
  const task = taskOf(request);
  const { matrix, format, moments, correct } = task;
  const key = preparationKey(task, request.inputScale);
  if (format.quantizer === 'codebook') return { key, table: await fitCodebook(engine, matrix, format, signal) };
  if (format.rounding !== 'adaround' || !moments) return undefined;
  const grid = gridOf(task, request);
  return { key, codes: await adaRound(engine, { grid, matrix, moments, centred: correct }, options, signal) };
}
