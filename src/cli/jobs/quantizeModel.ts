import type { BitChoice } from '../../graph/explain/bitCurve.ts';
import { explainQuantization, type QuantizationReport } from '../../graph/explain/explain.ts';
import type { RunOptions } from '../../graph/explain/runs.ts';
import type { Model } from '../../graph/model.ts';
import { equalizeLayers } from '../../graph/quantization/equalize.ts';
import type { QuantizeModelOptions } from '../../graph/quantization/options.ts';
import { smoothableNodes, smoothLayers } from '../../graph/quantization/smoothQuant.ts';
import { type ChosenBits, chooseBits, layersOf } from '../../onnx/chooseBits.ts';
import { loadOnnx } from '../../onnx/load.ts';
import { prepareWeights } from '../../onnx/prepareWeights.ts';
import { type OnnxForm, quantizeModel as quantize } from '../../onnx/quantizeModel.ts';
import { calibrateModel, findSmoothing, savedCalibration, savedInput } from './calibrateModel.ts';
import { batchesOf, type CalibrationSamples } from './calibrationSamples.ts';
import type { Job } from './job.ts';
import { type ModelParameters, modelOf } from './model.ts';
import { type CalibrationSettings, hashOf } from './savedCalibration.ts';

/** How a job quantizes a model: the options of `quantizeModel` that are plain data. */
export interface JobQuantization
  extends Pick<QuantizeModelOptions, 'weights' | 'activations' | 'layers' | 'correctBias'> {
  readonly exclude?: readonly string[];
}

/** What all layers together may take. */
export type JobBudget = { readonly bytes: number } | { readonly milliseconds: number };

/** A quantization of a model. A calibration that was saved is the job's input `savedCalibration`. */
export interface QuantizeModelParameters extends ModelParameters, CalibrationSamples {
  /** How ranges are found; what is null is as saved, or as usual. */
  readonly settings: CalibrationSettings;
  /** Whether the calibration is handed out as the file `savedCalibration`, and after how many batches it is for the first time. */
  readonly saveEvery: number | null;
  readonly quantization: JobQuantization;
  /** Whether weights of channels are made more equal first. */
  readonly equalize: boolean;
  /** How much of the difference between channels goes from inputs of matrix products to their weights, 0 to 1; null for none. */
  readonly smooth: number | null;
  /** Form of the file: an ONNX model, or the weights alone. */
  readonly format: OnnxForm | 'safetensors';
  /** Samples, from the first on, that `explain` and `budget` run. */
  readonly comparedSamples: number;
  /** For which widths of layers are chosen; null for the widths of `quantization`. */
  readonly budget: JobBudget | null;
  /** Whether to say what it cost, layer by layer. */
  readonly explain: boolean;
}

/** What became of the model. */
export interface QuantizeModelReport {
  /** Batches that it was calibrated with; 0 where nothing had to be. */
  readonly batches: number;
  /** How that was done; null where nothing had to be. */
  readonly calibration: {
    readonly method: string | null;
    /** Batches that were not run because a saved calibration had them. */
    readonly saved: number;
    /** Whether what layers are given was looked at. */
    readonly layers: boolean;
  } | null;
  /** What was asked for. */
  readonly options: JobQuantization & Pick<QuantizeModelParameters, 'equalize' | 'smooth' | 'format'>;
  /** Names of the nodes whose inputs were smoothed. */
  readonly smoothed: readonly string[];
  /** Names of the nodes whose inputs are quantized. */
  readonly quantized: readonly string[];
  /** Convolutions and matrix products that stayed in float, and why. */
  readonly skipped: readonly { readonly node: string; readonly reason: string }[];
  /** Bytes of the model before and after. */
  readonly bytes: { readonly float: number; readonly quantized: number };
  /** How widths were chosen; null where they were not. */
  readonly bits: BitChoice | null;
  /** What it cost; null where that was not asked for. */
  readonly explanation: QuantizationReport | null;
}

/**
 * Calibrates and quantizes the model in the input `model`; the result is the file `model`, and the calibration the file
 * `savedCalibration` where that is to be saved.
 */
export const quantizeModel: Job<QuantizeModelParameters, QuantizeModelReport> = {
  name: 'quantizeModel',
  page: 'runtime.html',
  run: async (engine, parameters, context) => {
    const { inputs, onProgress, signal } = context;
    const { bytes, externalData } = modelOf(parameters, inputs);
    const { quantization, format, equalize, smooth, settings, saveEvery } = parameters;
    onProgress?.('reading the model');
    using given = await loadOnnx(engine, bytes, { externalData });
    using equalized = equalize ? equalizeLayers(given) : undefined;
    const rough: Model = equalized ?? given;
    const batches = batchesOf(rough.graph.inputs, parameters, inputs);
    const needs = needsOf(quantization);
    const hash = await hashOf([bytes, ...Object.values(externalData)]);
    const known = savedCalibration(context, { model: hash, equalized: equalize, smooth, settings });
    const smoothing = smooth === null ? null : await findSmoothing(rough, smooth, { batches, known }, context);
    using smoothed = smoothing && smoothLayers(rough, smoothing.channels, { alpha: smoothing.strength });
    const model = smoothed ?? rough;
    const calibrated = await calibrateModel(
      { model, batches, settings, needs, saveEvery, hash, equalized: equalize, smoothing, known },
      context,
    );
    const { statistics, layerInputs } = calibrated;
    const options: QuantizeModelOptions = { ...quantization, ...(layerInputs && { layerInputs }) };
    const samples = batches.slice(0, parameters.comparedSamples);
    const isCalibrated = needs.ranges || needs.layers || smooth !== null;
    const watched = (doing: string): RunOptions => ({
      onProgress: (runs, total) => onProgress?.(`${doing}: ${runs} of ${total} runs`),
      ...(signal && { signal }),
    });
    const { budget, explain } = parameters;
    const told = (doing: string) => (layers: number, all: number) =>
      onProgress?.(`${doing} ${layers} of ${all} layers`);
    const found =
      budget === null
        ? null
        : await chooseBits(model, samples, {
            ...watched('choosing bits'),
            ...('bytes' in budget
              ? { budgetBytes: budget.bytes }
              : { budgetMilliseconds: budget.milliseconds, ...(statistics && { statistics }) }),
            storage: format === 'safetensors' ? 'packed' : 'onnx',
            quantization: options,
            preparation: { onProgress: told('choosing bits: rounded') },
          });
    const bits = found && plainChoice(found);
    onProgress?.('quantizing');
    const chosen = bits ? { ...options, layers: { ...options.layers, ...layersOf(bits) } } : options;
    const prepared = needs.preparation
      ? await prepareWeights(model, statistics, chosen, {
          onProgress: told('prepared'),
          ...(signal && { signal }),
          ...(found && { earlier: [found.prepared] }),
        })
      : undefined;
    const made = quantize(model, statistics, { ...chosen, ...(prepared && { prepared }) });
    using result = made.model;
    const explanation = explain
      ? { ...(await explainQuantization(model, result, samples, watched('comparing'))), bits }
      : null;
    const file = format === 'safetensors' ? made.toSafetensors() : made.toOnnx(format);
    const { quantized, skipped } = made;
    const report: QuantizeModelReport = {
      batches: isCalibrated ? calibrated.batches : 0,
      calibration: isCalibrated
        ? { method: statistics?.method ?? null, saved: calibrated.saved, layers: needs.layers }
        : null,
      options: { ...quantization, equalize, smooth, format },
      smoothed: smoothed ? smoothableNodes(rough) : [],
      quantized,
      skipped,
      bytes: { float: bytes.length, quantized: file.length },
      bits,
      explanation,
    };
    return { report, files: { model: file, ...(calibrated.file && { [savedInput]: calibrated.file }) } };
  },
};

/** The choice without codes of weights: what a report holds. */
function plainChoice({ prepared: _, ...choice }: ChosenBits): BitChoice {
  return choice;
}

/** What has to be found before a model can be quantized: ranges of activations, what layers are given, codes of weights or tables. */
export function needsOf({
  weights = {},
  activations,
  correctBias = false,
}: Pick<QuantizeModelOptions, 'weights' | 'activations' | 'correctBias'>) {
  const { rounding = 'nearest', quantizer = 'uniform' } = weights;
  return {
    ranges: activations !== 'float',
    layers: correctBias || rounding !== 'nearest',
    preparation: rounding !== 'nearest' || quantizer === 'codebook',
  };
}
