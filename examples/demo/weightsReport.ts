import { distributionOf } from '../../src/cli/jobs/timing.ts';
import {
  dequantize,
  type Engine,
  type Granularity,
  perChannel,
  perGroup,
  perTensor,
  quantize,
} from '../../src/index.ts';
import type { ModelWeight } from '../data/weights.ts';
import { SignalToNoise } from './measure.ts';

const bitWidths = [8, 6, 4, 2] as const;
const groupSize = 32;
const granularityNames = ['tensor', 'channel', 'group'] as const;
type GranularityName = (typeof granularityNames)[number];

/** How one weight fares under one setting. */
export interface WeightFigures {
  readonly bits: number;
  readonly granularity: GranularityName;
  /** Signal to quantization noise in dB; null where nothing was lost. */
  readonly sqnrDecibels: number | null;
  /** Packed integers and scales. */
  readonly bytes: number;
}

export interface LayerReport {
  readonly name: string;
  readonly operator: string;
  readonly shape: readonly number[];
  readonly float32Bytes: number;
  readonly settings: readonly WeightFigures[];
}

/** One setting over all layers. */
export interface SettingReport {
  readonly bits: number;
  readonly granularity: GranularityName;
  readonly bytes: number;
  /** Over the elements of all layers together, in dB. */
  readonly sqnrDecibels: number;
  readonly medianSqnrDecibels: number;
  readonly worst: { readonly layer: string; readonly sqnrDecibels: number };
}

export interface WeightsReport {
  readonly layerCount: number;
  readonly elementCount: number;
  readonly float32Bytes: number;
  readonly groupSize: number;
  readonly settings: readonly SettingReport[];
  readonly layers: readonly LayerReport[];
  readonly milliseconds: number;
}

/** A weight as a matrix, so that groups run along everything that is summed up for one output channel. */
function asMatrix({ name, shape, data, outputChannelAxis }: ModelWeight): { shape: number[]; channelAxis: 0 | 1 } {
  const channels = shape[outputChannelAxis] ?? 0;
  const rest = data.length / channels;
  if (outputChannelAxis === 0) return { shape: [channels, rest], channelAxis: 0 };
  if (outputChannelAxis === shape.length - 1) return { shape: [rest, channels], channelAxis: 1 };
  throw new Error(
    `Weight ${name} has its output channels on axis ${outputChannelAxis} of [${shape}]; only the first or the last axis can be.`,
  );
}

function granularityOf(name: GranularityName, channelAxis: 0 | 1): Granularity {
  if (name === 'tensor') return perTensor();
  return name === 'channel' ? perChannel(channelAxis) : perGroup(1 - channelAxis, groupSize);
}

/** Collects one setting's figures over the layers. */
class SettingSummary {
  readonly bits: number;
  readonly granularity: GranularityName;
  readonly #total = new SignalToNoise();
  readonly #layers: { layer: string; sqnrDecibels: number }[] = [];
  #bytes = 0;

  constructor(bits: number, granularity: GranularityName) {
    this.bits = bits;
    this.granularity = granularity;
  }

  add(layer: string, exact: Float32Array, approximate: Float32Array, bytes: number): WeightFigures {
    const sqnrDecibels = new SignalToNoise().add(exact, approximate).decibels;
    this.#total.add(exact, approximate);
    this.#layers.push({ layer, sqnrDecibels });
    this.#bytes += bytes;
    const { bits, granularity } = this;
    return { bits, granularity, sqnrDecibels: Number.isFinite(sqnrDecibels) ? sqnrDecibels : null, bytes };
  }

  report(): SettingReport {
    const values = this.#layers.map(({ sqnrDecibels }) => sqnrDecibels);
    const worst = this.#layers.reduce((least, layer) => (layer.sqnrDecibels < least.sqnrDecibels ? layer : least));
    return {
      bits: this.bits,
      granularity: this.granularity,
      bytes: this.#bytes,
      sqnrDecibels: this.#total.decibels,
      medianSqnrDecibels: distributionOf(values).median,
      worst,
    };
  }
}

/** Quantizes every weight at 8, 6, 4 and 2 bits, per tensor, output channel and group, and measures what is lost. */
export async function reportWeights(
  engine: Engine,
  weights: readonly ModelWeight[],
  onProgress?: (line: string) => void,
): Promise<WeightsReport> {
  const start = performance.now();
  const summaries = bitWidths.flatMap((bits) => granularityNames.map((name) => new SettingSummary(bits, name)));
  const layers: LayerReport[] = [];
  for (const [position, weight] of weights.entries()) {
    const { name, operator, data } = weight;
    const { shape, channelAxis } = asMatrix(weight);
    const x = engine.tensor(data, shape);
    const settings: WeightFigures[] = [];
    for (const summary of summaries) {
      const granularity = granularityOf(summary.granularity, channelAxis);
      const quantized = quantize(engine, x, { bits: summary.bits, granularity });
      const restored = dequantize(engine, quantized);
      settings.push(summary.add(name, data, await restored.read(), quantized.bytes));
      quantized.dispose();
      restored.dispose();
    }
    x.dispose();
    layers.push({ name, operator, shape: weight.shape, float32Bytes: data.byteLength, settings });
    if ((position + 1) % 10 === 0 || position + 1 === weights.length) {
      onProgress?.(`weights: ${position + 1} of ${weights.length} layers at ${summaries.length} settings each`);
    }
  }
  const elementCount = weights.reduce((sum, { data }) => sum + data.length, 0);
  return {
    layerCount: weights.length,
    elementCount,
    float32Bytes: elementCount * 4,
    groupSize,
    settings: summaries.map((summary) => summary.report()),
    layers,
    milliseconds: performance.now() - start,
  };
}
