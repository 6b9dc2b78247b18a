import { Aborted } from '../base/errors.ts';
import { breathe } from '../base/pieces.ts';
import type { CalibrationStatistics } from '../calib/statistics.ts';
import type { Engine } from '../gpu/engine.ts';
import type { Model } from '../graph/model.ts';
import { type AdaRoundOptions, adaRound } from '../graph/quantization/adaRound.ts';
import { fitCodebook } from '../graph/quantization/codebook.ts';
import { neededOpset, type QuantizeModelOptions } from '../graph/quantization/options.ts';
import type { PreparedLayer, PreparedWeights } from '../graph/quantization/prepared.ts';
import { weightRequests } from '../graph/quantization/quantizeGraph.ts';
import { roundedCodes } from '../graph/quantization/rounding.ts';
import {
  gridOf,
  holding,
  preparationKey,
  taskOf,
  type WeightRequest,
  type WeightTask,
} from '../graph/quantization/weights.ts';
import { upgradeGraph } from './upgrade.ts';

/** How weights are prepared. */
export interface PrepareWeightsOptions {
  /** How `adaround` goes. */
  readonly adaRound?: AdaRoundOptions;
  /** What was found for this model before, for these options or others: taken where it holds; nothing unless given. */
  readonly earlier?: readonly PreparedWeights[];
  /** Ends the work early, with `Aborted`. */
  readonly signal?: AbortSignal;
  /** Told after each layer how many of all are done. */
  readonly onProgress?: (layers: number, all: number) => void;
}

/**
 * Finds what `quantizeModel` needs to know of weights beforehand, which is tables for `codebook` and codes by `adaround`, made on
 * the GPU; and codes by `gptq` and `descent`, so that it need not find them again. Layers that need nothing are passed over.
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
  { onProgress, earlier = [], ...settings }: PrepareWeightsOptions = {},
): Promise<PreparedWeights> {
  const { engine, source, operators } = model;
  const requests = weightRequests(upgradeGraph(source, neededOpset(options)), operators, statistics, options);
  const found = new Map<string, PreparedLayer>();
  let done = 0;
  for (const [name, request] of requests) {
    if (settings.signal?.aborted) {
      throw new Aborted(`Preparing weights was stopped after ${done} layer(s); start it again.`);
    }
    // Codes by `gptq` and `descent` are found on the CPU.
    await breathe();
    const task = taskOf(request);
    const known = earlier.map((each) => holding(each.get(name), task, request)).find((each) => each !== undefined);
    const layer = known ?? (await prepare(engine, task, request, settings));
    if (layer) found.set(name, layer);
    onProgress?.(++done, requests.size);
  }
  return found;
}

async function prepare(
  engine: Engine,
  task: WeightTask,
  request: WeightRequest,
  { adaRound: options, signal }: Pick<PrepareWeightsOptions, 'adaRound' | 'signal'>,
): Promise<PreparedLayer | undefined> {
  const { matrix, format, moments, correct } = task;
  const { rounding } = format;
  if (format.quantizer === 'codebook') {
    return { key: preparationKey(task), table: await fitCodebook(engine, matrix, format, signal) };
  }
  if (rounding === 'nearest' || !moments) return undefined;
  const { grid, widenedFor } = gridOf(task, request);
  const codes =
    rounding === 'adaround'
      ? await adaRound(engine, { grid, matrix, moments, centred: correct }, options, signal)
      : roundedCodes(grid, matrix, moments, rounding, correct);
  return { key: preparationKey(task, widenedFor), rounded: { grid, codes } };
}
