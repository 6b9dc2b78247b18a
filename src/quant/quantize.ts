import { InvalidQuantization, ShapeMismatch } from '../base/errors.ts';
import { elementCount } from '../base/shape.ts';
import type { Allocation, Fault } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import { assertFloats, Tensor } from '../gpu/tensor.ts';
import { windowsOf, workRuns } from '../gpu/windows.ts';
import { type Granularity, mapParameters, type ParameterMap, perTensor } from './granularity.ts';
import { recordMeanScales } from './meanScale.ts';
import {
  assertParameters,
  type CodeFormat,
  type CodeRange,
  codeRange,
  parametersFromRanges,
  type QuantizationParameters,
  type QuantizationScheme,
  type Rounding,
  recordParameterCheck,
} from './parameters.ts';
import { type CodeLayout, type CodeStreams, QuantizedTensor, streamBytes, streamsOf } from './quantizedTensor.ts';
import { nonFiniteElement, recordRanges } from './range.ts';

const quantizeKernel = declareKernel({
  name: 'quant/quantize',
  uniforms: {
    unitCount: 'u32',
    unitWords: 'u32',
    length: 'u32',
    innerUnits: 'u32',
    outerUnitStep: 'u32',
    innerUnitStep: 'u32',
    elementStep: 'u32',
    axisLength: 'u32',
    innerCount: 'u32',
    groupSize: 'u32',
    outerParameterStep: 'u32',
    groupParameterStep: 'u32',
    innerParameterStep: 'u32',
    stepOuter: 'u32',
    stepAxis: 'u32',
    stepInner: 'u32',
    low: 'i32',
    high: 'i32',
    xStart: 'u32',
    xLength: 'u32',
    codesStart: 'u32',
    codesLength: 'u32',
    firstWord: 'u32',
    endWord: 'u32',
  },
  bindings: { x: 'read', scales: 'read', zeroPoints: 'read', codes: 'write', fault: 'write' },
});

/** Operations per element: two significands, a division, an exact comparison, the parameter's index. */
const workPerElement = 100;

/** How to quantize. */
export interface QuantizeOptions {
  /** Bits of a code, 1 to 8; 8 unless given. Fewer take less memory: 5 bits take 5 bits. */
  readonly bits?: number;
  /** `symmetric` unless given: see `CodeFormat`. */
  readonly scheme?: CodeFormat['scheme'];
  /** Codes in two's complement or from 0 up; unless given, signed where the scheme is symmetric. */
  readonly signed?: boolean;
  /** Which elements share a scale and a zero point; `perTensor()` unless given. */
  readonly granularity?: Granularity;
  /** `nearest-even` (ONNX's, bit for bit) unless given, or `floor`. */
  readonly rounding?: Rounding;
  /** How the codes lie in memory: `flat` unless given, `rows` or `columns` for a matmul. */
  readonly layout?: CodeLayout;
  /**
   * Scales to use, finite and above 0, in the order and number of the parameters; unless given, they are made from the
   * data's ranges on the GPU.
   */
  readonly scales?: Tensor<'float32'> | ArrayLike<number>;
  /** Zero points to use with given scales in the asymmetric scheme, in the range of the codes; 0 unless given. */
  readonly zeroPoints?: Tensor<'int32'> | ArrayLike<number>;
}

function schemeOf(options: QuantizeOptions): QuantizationScheme {
  const { bits = 8, scheme = 'symmetric', granularity = perTensor(), rounding = 'nearest-even' } = options;
  const { signed = scheme === 'symmetric' } = options;
  if (rounding !== 'nearest-even' && rounding !== 'floor') {
    throw new InvalidQuantization(`There is no rounding "${String(rounding)}"; use "nearest-even" or "floor".`);
  }
  return { bits, scheme, signed, granularity, rounding };
}

function assertCount(actual: number, map: ParameterMap, what: string): void {
  if (actual === map.count) return;
  throw new ShapeMismatch(
    `${actual} ${what} were given, but the tensor has ${map.count} parameters of shape [${map.shape}]; give one for each.`,
  );
}

/** Parameters that the caller gave, and the check of those that only the GPU can see. */
function givenParameters(
  engine: Engine,
  scheme: QuantizationScheme,
  map: ParameterMap,
  scales: NonNullable<QuantizeOptions['scales']>,
  zeroPoints: QuantizeOptions['zeroPoints'],
): { readonly parameters: QuantizationParameters; readonly fault: Fault | undefined } {
  if (zeroPoints && scheme.scheme === 'symmetric') {
    throw new InvalidQuantization(
      'Zero points were given with the symmetric scheme, which has its own; use the asymmetric scheme or leave them out.',
    );
  }
  const scaleTensor = scales instanceof Tensor ? scales : undefined;
  const zeroPointTensor = zeroPoints instanceof Tensor ? zeroPoints : undefined;
  const scaleArray = scales instanceof Tensor ? [] : scales;
  const middle = new Int32Array(map.count).fill(codeRange(scheme).middle);
  const zeroPointArray = zeroPoints instanceof Tensor ? [] : (zeroPoints ?? middle);
  assertCount(scaleTensor ? scaleTensor.size : scaleArray.length, map, 'scales');
  assertCount(zeroPointTensor ? zeroPointTensor.size : zeroPointArray.length, map, 'zero points');
  assertParameters(scaleArray, zeroPointArray, scheme);
  const parameters = {
    scales: scaleTensor?.reshape(map.shape) ?? engine.tensor(Float32Array.from(scaleArray), map.shape),
    zeroPoints: zeroPointTensor?.reshape(map.shape) ?? engine.tensor(Int32Array.from(zeroPointArray), map.shape),
  };
  const onGpu = scaleTensor !== undefined || zeroPointTensor !== undefined;
  return {
    parameters,
    fault: onGpu ? recordParameterCheck(engine, parameters, codeRange({ ...scheme, scheme: 'asymmetric' })) : undefined,
  };
}

/** Parameters from the data itself. Those of nothing are those of zeros. */
function measuredParameters(
  engine: Engine,
  x: Tensor<'float32'>,
  scheme: QuantizationScheme,
  map: ParameterMap,
  fault: Fault,
): QuantizationParameters {
  const { sign, low, middle } = codeRange(scheme);
  if (x.size === 0) {
    const zeroPoint = scheme.scheme === 'symmetric' ? middle : low;
    return {
      scales: engine.tensor(new Float32Array(map.count).fill(1), map.shape),
      zeroPoints: engine.tensor(new Int32Array(map.count).fill(zeroPoint), map.shape),
    };
  }
  const ranges = recordRanges(engine, x, map, fault);
  const parameters = sign ? recordMeanScales(engine, x, map, ranges) : parametersFromRanges(engine, ranges, scheme);
  ranges.minimum.dispose();
  ranges.maximum.dispose();
  return parameters;
}

/** Where the elements of the streams come from. */
function sourceOf({ length, elementStep }: CodeStreams) {
  if (elementStep === 1) return { innerUnits: 1, outerUnitStep: length, innerUnitStep: 0 };
  return { innerUnits: elementStep, outerUnitStep: length * elementStep, innerUnitStep: 1 };
}

interface CodeJob {
  readonly x: Tensor<'float32'>;
  readonly map: ParameterMap;
  readonly parameters: QuantizationParameters;
  readonly streams: CodeStreams;
  readonly codes: Allocation;
  /** Bits that a code takes in the streams: 1 to 8, or 32. */
  readonly bits: number;
  readonly range: Pick<CodeRange, 'low' | 'high' | 'sign'>;
  readonly rounding: Rounding;
  readonly fault: Fault;
  /** Whether to look for elements that are not finite. */
  readonly checked: boolean;
}

function recordCodes(engine: Engine, job: CodeJob): void {
  const { x, map, parameters, streams, codes, bits, range, rounding, fault, checked } = job;
  const { unitCount, unitWords, length, elementStep } = streams;
  const { low, high, sign } = range;
  const { axisLength, innerCount } = map;
  const elementsPerWord = Math.ceil(32 / bits) + 1;
  const span = Math.min(elementsPerWord, length) * elementStep;
  const variant = {
    conditions: {
      unitsFirst: elementStep > 1,
      uniformParameters: map.groupStep === 0,
      sign,
      floor: rounding === 'floor',
      checked,
      wide: bits === 32,
    },
    constants: { BITS: bits },
  };
  const stepRest = Math.floor(elementStep / innerCount);
  const wordCount = unitCount * unitWords;
  // Where words are taken across units, those that have no codes come last.
  const usedWords = elementStep > 1 ? Math.ceil((length * bits) / 32) : unitWords;
  if (usedWords < unitWords) engine.clear(codes);
  for (const codesWindow of windowsOf(engine, codes, wordCount)) {
    for (const xWindow of windowsOf(engine, x.allocation, x.size, span)) {
      const runs = workRuns(engine, unitCount * usedWords, (workPerElement * 32) / bits, 64);
      for (const { first, end, work } of runs) {
        engine.run(quantizeKernel, {
          uniforms: {
            unitCount,
            unitWords,
            length,
            ...sourceOf(streams),
            elementStep,
            axisLength,
            innerCount,
            groupSize: map.groupSize,
            outerParameterStep: map.outerStep,
            groupParameterStep: map.groupStep,
            innerParameterStep: map.innerStep,
            stepOuter: Math.floor(stepRest / axisLength),
            stepAxis: stepRest % axisLength,
            stepInner: elementStep % innerCount,
            low,
            high,
            xStart: xWindow.start,
            xLength: xWindow.length,
            codesStart: codesWindow.start,
            codesLength: codesWindow.length,
            firstWord: first,
            endWord: end,
          },
          bindings: { x: xWindow.view, ...parameters, codes: codesWindow.view, fault },
          workgroups: Math.ceil((end - first) / 64),
          work,
          variant,
        });
      }
    }
  }
}

/**
 * Quantizes a float tensor on the GPU: code = saturate(round(fround(x / scale)) + zero point), which with
 * `nearest-even` is ONNX QuantizeLinear as ONNX Runtime computes it, bit for bit and on every adapter. Scales and zero
 * points come from the data's ranges, without a readback, or are given.
 *
 * An empty tensor gives empty codes, and scales of 1. One symmetric bit stores the sign (1 unless x < 0), with
 * mean|x| as the scale.
 * @param x any shape; finite: reading the codes, or anything computed from them, rejects with `InvalidInput` and the
 * index of the first element that is not.
 * @throws InvalidQuantization for options and given parameters out of range, ShapeMismatch for an axis outside the shape
 * or a wrong number of parameters, LimitExceeded for more than 2³² − 1 elements or columns
 * too long for one binding, DisposedTensor
 */
export function quantize(engine: Engine, x: Tensor<'float32'>, options: QuantizeOptions = {}): QuantizedTensor {
  assertFloats(x, 'quantize');
  const { layout = 'flat', scales, zeroPoints } = options;
  const scheme = schemeOf(options);
  codeRange(scheme);
  const map = mapParameters(scheme.granularity, x.shape);
  const streams = streamsOf(x.shape, scheme.bits, layout);
  if (zeroPoints && !scales) {
    throw new InvalidQuantization('Zero points were given without scales; give both, or neither.');
  }
  const fault = engine.fault(nonFiniteElement);
  const faults = [fault];
  const made: { dispose(): void }[] = [];
  try {
    const given = scales === undefined ? undefined : givenParameters(engine, scheme, map, scales, zeroPoints);
    if (given?.fault) faults.push(given.fault);
    const parameters = given?.parameters ?? measuredParameters(engine, x, scheme, map, fault);
    made.push(parameters.scales, parameters.zeroPoints);
    const codes = engine.allocate(streamBytes(streams));
    made.push({ dispose: () => codes.release() });
    for (const found of faults) codes.carry(found);
    const { bits, rounding } = scheme;
    const range = codeRange(scheme);
    const checked = given !== undefined;
    recordCodes(engine, { x, map, parameters, streams, codes, bits, range, rounding, fault, checked });
    return new QuantizedTensor(engine, codes, x.shape, scheme, layout, parameters);
  } catch (error) {
    for (const tensor of made) tensor.dispose();
    throw error;
  } finally {
    for (const found of faults) found.release();
  }
}

/** Integers to make of floats: `goal` is an 8-bit tensor, or an int32 one for codes of any width up to 16 bits. */
export interface IntegerJob {
  readonly goal: Tensor<'int8' | 'uint8' | 'int32'>;
  /** Whether an 8-bit goal is [batch, …spatial, channels] where x is [batch, channels, …spatial]; false unless given. */
  readonly channelsLast?: boolean;
  readonly map: ParameterMap;
  /** Scales finite and above 0, zero points from `low` to `high`. */
  readonly parameters: QuantizationParameters;
  readonly low: number;
  readonly high: number;
}

/**
 * Records code = saturate(halfEven(fround(x / scale)) + zero point) into a plain tensor, which carries the fault of an
 * element that is not finite.
 */
export function recordIntegers(
  engine: Engine,
  x: Tensor<'float32'>,
  { goal, channelsLast = false, map, parameters, low, high }: IntegerJob,
): void {
  const fault = engine.fault(nonFiniteElement);
  const codes = goal.allocation;
  codes.carry(fault);
  const bits = goal.dtype === 'int32' ? 32 : 8;
  const [batch = 0, channels = 0, ...spatial] = x.shape;
  const streams = channelsLast
    ? streamsOf([batch, channels, elementCount(spatial)], bits, 'columns')
    : streamsOf(goal.shape, bits, bits === 32 ? 'flat' : 'rows');
  const range = { low, high, sign: false };
  const common = { map, parameters, streams, codes, fault };
  recordCodes(engine, { x, ...common, bits, range, rounding: 'nearest-even', checked: true });
  fault.release();
}
