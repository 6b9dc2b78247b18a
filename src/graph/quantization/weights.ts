import { roundHalfToEven } from '../../base/rounding.ts';
import { splitAtAxis } from '../../base/shape.ts';
import { hostCode, hostParameters } from '../../quant/hostParameters.ts';
import type { CodeFormat } from '../../quant/parameters.ts';
import { type HostTensor, hostTensor } from '../hostTensor.ts';

/** Weights as int8 codes, and a bias as int32 codes. */
export interface QuantizedWeights {
  readonly codes: HostTensor;
  /** One a channel, or a scalar. */
  readonly scales: HostTensor;
  /** Zeros, as many as scales. */
  readonly zeroPoints: HostTensor;
  /** Undefined where there is none, or not one number a channel. */
  readonly bias: { readonly codes: HostTensor; readonly scales: HostTensor } | undefined;
}

const format: CodeFormat = { bits: 8, signed: true, scheme: 'symmetric' };
/** Codes of a bias leave room for the sum that they are added to. */
const largestBiasCode = 2 ** 30;
/** Smaller scales would make the product with an input's scale a denormal number, whose inverse overflows. */
const leastScale = 2 ** -100;

/**
 * Quantizes weights symmetrically, and a bias at the scale of the products: that of the input times that of the weights.
 * Channels that are next to nothing beside their bias get a larger scale, at which the bias has a code.
 *
 * @param axis of the channels that have a scale each; undefined for one scale
 */
export function quantizeWeights(
  weights: HostTensor,
  axis: number | undefined,
  inputScale: number,
  bias: HostTensor | undefined,
): QuantizedWeights {
  const { outer, length, inner } =
    axis === undefined ? { outer: 1, length: 1, inner: weights.data.length } : splitAtAxis(weights.shape, axis);
  const channelOf = (index: number): number => Math.floor(index / inner) % length;
  const greatest = new Float64Array(length);
  for (let index = 0; index < outer * length * inner; index++) {
    const channel = channelOf(index);
    greatest[channel] = Math.max(greatest[channel] ?? 0, Math.abs(weights.data[index] ?? 0));
  }
  // A bias of another shape stays as it is.
  const biases =
    bias?.shape.length === 1 && (axis === undefined || bias.data.length === length) ? bias.data : undefined;
  const scales = Float32Array.from(greatest, (most, channel) => {
    const own = axis === undefined ? Array.from(biases ?? []) : [biases?.[channel] ?? 0];
    const largestBias = own.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    const forBias = Math.max(largestBias / inputScale / largestBiasCode, leastScale);
    const { scale } = hostParameters(-most, most, format);
    return most === 0 ? (largestBias === 0 ? 1 : forBias) : Math.max(scale, forBias);
  });
  const codes = Int8Array.from(weights.data, (value, index) =>
    hostCode(value, { scale: scales[channelOf(index)] ?? 1, zeroPoint: 0 }, format),
  );
  const parameterShape = axis === undefined ? [] : [length];
  const biasScales = scales.map((scale) => scale * inputScale);
  return {
    codes: hostTensor('int8', weights.shape, codes),
    scales: hostTensor('float32', parameterShape, scales),
    zeroPoints: hostTensor('int8', parameterShape, new Int8Array(length)),
    bias: biases && {
      codes: hostTensor(
        'int32',
        [biases.length],
        Array.from(biases, (value, channel) => biasCode(value, biasScales[axis === undefined ? 0 : channel] ?? 1)),
      ),
      scales: hostTensor('float32', parameterShape, biasScales),
    },
  };
}

const biasCode = (value: number, scale: number): number =>
  Math.min(Math.max(roundHalfToEven(value / scale), -(2 ** 31 - 1)), 2 ** 31 - 1);
