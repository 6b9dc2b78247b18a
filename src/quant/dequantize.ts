import type { Allocation } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { windowsOf, workRuns } from '../gpu/windows.ts';
import { mapParameters, type ParameterMap } from './granularity.ts';
import type { QuantizationParameters } from './parameters.ts';
import type { CodeStreams, QuantizedTensor } from './quantizedTensor.ts';

const dequantizeKernel = declareKernel({
  name: 'quant/dequantize',
  uniforms: {
    unitWords: 'u32',
    length: 'u32',
    elementStep: 'u32',
    axisLength: 'u32',
    innerCount: 'u32',
    groupSize: 'u32',
    outerParameterStep: 'u32',
    groupParameterStep: 'u32',
    innerParameterStep: 'u32',
    codesStart: 'u32',
    codesLength: 'u32',
    yStart: 'u32',
    firstElement: 'u32',
    endElement: 'u32',
  },
  bindings: { codes: 'read', scales: 'read', zeroPoints: 'read', y: 'write' },
});

/** Operations per element: its place in the streams, its parameter, an exact product. */
const workPerElement = 80;

/** Codes and what they mean, as the kernel needs it. */
export interface DequantizeJob {
  readonly codes: Allocation;
  readonly streams: CodeStreams;
  /** 1 to 8, or 32 for int32. */
  readonly bits: number;
  readonly signed: boolean;
  readonly sign: boolean;
  readonly map: ParameterMap;
  readonly parameters: QuantizationParameters;
  /** True where zero points are the bits of floats: then y is f32 arithmetic, not rounded alike on every adapter. */
  readonly fractional?: boolean;
}

/** Records the conversion of codes to the floats of `y`. */
export function recordFloats(engine: Engine, job: DequantizeJob, y: Tensor<'float32'>): void {
  const { codes, streams, bits, signed, sign, map, parameters, fractional = false } = job;
  const { unitCount, unitWords, length, elementStep } = streams;
  const variant = {
    conditions: {
      uniformParameters: map.groupStep === 0,
      signed,
      sign,
      wide: bits === 32,
      single: unitCount === 1,
      fractional,
    },
    constants: { BITS: bits },
  };
  for (const codesWindow of windowsOf(engine, codes, unitCount * unitWords, 2)) {
    for (const yWindow of windowsOf(engine, y.allocation, y.size)) {
      for (const { first, end, work } of workRuns(engine, yWindow.length, workPerElement, 64)) {
        engine.run(dequantizeKernel, {
          uniforms: {
            unitWords,
            length,
            elementStep,
            axisLength: map.axisLength,
            innerCount: map.innerCount,
            groupSize: map.groupSize,
            outerParameterStep: map.outerStep,
            groupParameterStep: map.groupStep,
            innerParameterStep: map.innerStep,
            codesStart: codesWindow.start,
            codesLength: codesWindow.length,
            yStart: yWindow.start,
            firstElement: yWindow.start + first,
            endElement: yWindow.start + end,
          },
          bindings: { codes: codesWindow.view, ...parameters, y: yWindow.view },
          workgroups: Math.ceil((end - first) / 64),
          work,
          variant,
        });
      }
    }
  }
}

/**
 * The numbers that codes stand for, as ONNX DequantizeLinear: fround(fround(code − zero point) · scale), bit for bit on
 * every adapter; ±scale for one symmetric bit.
 * @throws DisposedTensor
 */
export function dequantize(engine: Engine, quantized: QuantizedTensor): Tensor<'float32'> {
  const { data: codes, streams, bits, signed, isSign: sign, granularity, shape, scales, zeroPoints } = quantized;
  const y = engine.empty(shape, 'float32');
  const map = mapParameters(granularity, shape);
  recordFloats(engine, { codes, streams, bits, signed, sign, map, parameters: { scales, zeroPoints } }, y);
  return y;
}
