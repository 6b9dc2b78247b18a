import { InvalidInput, ShapeMismatch } from '../../base/errors.ts';
import { elementCount } from '../../base/shape.ts';
import type { CalibrationMethod } from '../../calib/statistics.ts';
import { calibrate } from '../../graph/calibrate.ts';
import type { BitChoice } from '../../graph/explain/bitCurve.ts';
import { explainQuantization, type QuantizationReport } from '../../graph/explain/explain.ts';
import type { RunOptions } from '../../graph/explain/runs.ts';
import type { GraphValue } from '../../graph/graph.ts';
import type { HostTensor } from '../../graph/hostTensor.ts';
import type { QuantizeModelOptions } from '../../graph/quantization/options.ts';
import { chooseBits, layersOf } from '../../onnx/chooseBits.ts';
import { loadOnnx } from '../../onnx/load.ts';
import { tensorFromNpy } from '../../onnx/npy.ts';
import { type OnnxForm, quantizeModel as quantize } from '../../onnx/quantizeModel.ts';
import type { Job } from './job.ts';
import { type ModelParameters, modelOf } from './model.ts';

/** Samples for one input of the model. */
export interface CalibrationFiles {
  /** Name of the input; null for the only one of the model. */
  readonly name: string | null;
  /** Number of `.npy` files, which are the job's inputs named `calibrationInput(place, index)`. */
  readonly count: number;
}

/** A quantization of a model. */
export interface QuantizeModelParameters extends ModelParameters {
  readonly calibration: readonly CalibrationFiles[];
  /** True where a file holds samples stacked on axis 0; otherwise each file holds one. */
  readonly stacked: boolean;
  readonly method: CalibrationMethod;
  readonly averagingConstant: number;
  readonly granularity: 'channel' | 'tensor';
  /** int8 activations instead of uint8. */
  readonly signed: boolean;
  readonly exclude: readonly string[];
  /** Form of the file: an ONNX model, or the weights alone. */
  readonly format: OnnxForm | 'safetensors';
  /** Samples, from the first on, that `explain` and `budgetBytes` run. */
  readonly comparedSamples: number;
  /** Bytes of weights and their scales, for which widths of layers are chosen; null for 8 bits throughout. */
  readonly budgetBytes: number | null;
  /** Whether to say what it cost, layer by layer. */
  readonly explain: boolean;
}

/** What became of the model. */
export interface QuantizeModelReport {
  /** Batches that it was calibrated with. */
  readonly batches: number;
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

/** Name of the job's input that holds samples of the input at a place of `calibration`. */
export const calibrationInput = (place: number, index: number): string => `calibration${place}-${index}`;

/** Calibrates and quantizes the model in the input `model`; the result is the file `model`. */
export const quantizeModel: Job<QuantizeModelParameters, QuantizeModelReport> = {
  name: 'quantizeModel',
  page: 'runtime.html',
  run: async (engine, parameters, { inputs, onProgress, signal }) => {
    const { bytes, externalData } = modelOf(parameters, inputs);
    onProgress?.('reading the model');
    using model = await loadOnnx(engine, bytes, { externalData });
    const batches = batchesOf(model.graph.inputs, parameters, inputs);
    onProgress?.(`calibrating with ${batches.length} batches`);
    const { method, averagingConstant, granularity, signed, exclude } = parameters;
    const statistics = await calibrate(model, batches, {
      method,
      averagingConstant,
      onProgress: (count) => onProgress?.(`calibrated with ${count} of ${batches.length} batches`),
      ...(signal && { signal }),
    });
    const settings: QuantizeModelOptions = { weights: { granularity }, activations: { signed }, exclude };
    const { comparedSamples, budgetBytes, explain } = parameters;
    const samples = batches.slice(0, comparedSamples);
    const watched = (doing: string): RunOptions => ({
      onProgress: (runs, total) => onProgress?.(`${doing}: ${runs} of ${total} runs`),
      ...(signal && { signal }),
    });
    const bits =
      budgetBytes === null
        ? null
        : await chooseBits(model, samples, {
            ...watched('choosing bits'),
            budgetBytes,
            storage: parameters.format === 'safetensors' ? 'packed' : 'onnx',
            quantization: settings,
          });
    onProgress?.('quantizing');
    const made = quantize(model, statistics, bits ? { ...settings, layers: layersOf(bits) } : settings);
    using result = made.model;
    const explanation = explain
      ? { ...(await explainQuantization(model, result, samples, watched('comparing'))), bits }
      : null;
    const { format } = parameters;
    const file = format === 'safetensors' ? made.toSafetensors() : made.toOnnx(format);
    const { quantized, skipped } = made;
    const size = { float: bytes.length, quantized: file.length };
    const report = { batches: batches.length, quantized, skipped, bytes: size, bits, explanation };
    return { report, files: { model: file } };
  },
};

/** The samples as inputs of the model. @throws InvalidInput, ShapeMismatch */
function batchesOf(
  declared: readonly GraphValue[],
  { calibration, stacked }: QuantizeModelParameters,
  inputs: Readonly<Record<string, Uint8Array>>,
): Readonly<Record<string, HostTensor>>[] {
  const batches: Record<string, HostTensor>[] = [];
  calibration.forEach(({ name, count }, place) => {
    const value = declared.find((input) => input.name === name) ?? (name === null ? declared[0] : undefined);
    if (!value || (name === null && declared.length > 1)) {
      const names = declared.map((input) => JSON.stringify(input.name)).join(', ');
      throw new InvalidInput(
        `The model has the inputs ${names}; give a folder with a subfolder of .npy files for each of them.`,
      );
    }
    const tensors = Array.from({ length: count }, (_, index) => {
      const file = inputs[calibrationInput(place, index)] ?? new Uint8Array();
      return tensorFromNpy(file, value.elementType, `Sample ${index} of the input "${value.name}"`);
    });
    const samples = stacked
      ? tensors.flatMap((tensor) => split(tensor, value))
      : tensors.map((one) => whole(one, value));
    samples.forEach((sample, index) => {
      batches[index] = { ...batches[index], [value.name]: sample };
    });
  });
  return batches;
}

/** Batches of the model from samples stacked on axis 0; what does not fill a last one is left out. */
function split({ elementType, shape, data }: HostTensor, { name, dimensions }: GraphValue): HostTensor[] {
  const [count = 0, ...rest] = shape;
  const [first] = dimensions ?? [];
  const batch = typeof first === 'number' ? first : 1;
  if (shape.length === 0 || batch === 0 || count < batch) {
    throw new ShapeMismatch(
      `The samples for "${name}" have shape [${shape}], but the model takes batches of ${batch}; stack at least as many on axis 0.`,
    );
  }
  const size = batch * elementCount(rest);
  return Array.from({ length: Math.floor(count / batch) }, (_, index) => {
    return { elementType, shape: [batch, ...rest], data: data.slice(index * size, (index + 1) * size) };
  });
}

/** A sample as an input of the model: with a batch axis of length 1 where it lacks that. */
function whole(sample: HostTensor, { dimensions }: GraphValue): HostTensor {
  const lacksBatch = dimensions !== undefined && sample.shape.length === dimensions.length - 1;
  return lacksBatch ? { ...sample, shape: [1, ...sample.shape] } : sample;
}
