import type { Engine } from '../gpu/engine.ts';
import type { UniformValues } from '../gpu/uniforms.ts';
import { type Window, workRuns } from '../gpu/windows.ts';
import type { ParameterMap } from './granularity.ts';

/** The fields of `Reduction` in `shaders/quant/reduction.wgsl`. */
export const reductionFields = {
  outputCount: 'u32',
  segmentCount: 'u32',
  groupCount: 'u32',
  innerCount: 'u32',
  outerStep: 'u32',
  groupStep: 'u32',
  innerStep: 'u32',
  length: 'u32',
  axisLength: 'u32',
  runLength: 'u32',
  runStep: 'u32',
  elementStep: 'u32',
  windowStart: 'u32',
  windowLength: 'u32',
  firstSlot: 'u32',
  endSlot: 'u32',
} as const;

const workgroupSize = 64;
/** Elements that one invocation reads at most, where there are enough to go round. */
const elementsPerLane = 128;
/** Operations per element: index arithmetic, comparison, load. */
const workPerElement = 12;

type Geometry = Omit<
  UniformValues<typeof reductionFields>,
  'segmentCount' | 'windowStart' | 'windowLength' | 'firstSlot' | 'endSlot'
>;

/** One dispatch of a reduction over the elements of a window. */
export interface ReductionPart {
  readonly uniforms: UniformValues<typeof reductionFields>;
  readonly window: Window;
  readonly workgroups: number;
  readonly work: number;
}

/** A reduction of a tensor to one output per quantization parameter: how to compile it, and what to dispatch. */
export interface ReductionPlan {
  /** Invocations that share the elements of an output. */
  readonly lanes: number;
  /** True when the elements of an output lie in several runs. */
  readonly nested: boolean;
  readonly parts: readonly ReductionPart[];
}

function geometryOf(map: ParameterMap): Geometry {
  const { count, outerCount, axisLength, innerCount, groupSize, groupStep, innerStep } = map;
  const none = { outputCount: count, groupCount: 1, innerCount: 1, groupStep: 0, innerStep: 0, axisLength: 0xffffffff };
  if (groupStep === 0) {
    return { ...none, outerStep: 0, length: axisLength, runLength: axisLength, runStep: 0, elementStep: 1 };
  }
  if (innerStep === 0) {
    const length = outerCount * innerCount;
    const blockStep = axisLength * innerCount;
    const lastAxis = innerCount === 1;
    return {
      ...none,
      outerStep: innerCount,
      length,
      runLength: lastAxis ? length : innerCount,
      runStep: blockStep,
      elementStep: lastAxis ? blockStep : 1,
    };
  }
  return {
    outputCount: count,
    groupCount: Math.ceil(axisLength / groupSize),
    innerCount,
    outerStep: axisLength * innerCount,
    groupStep: groupSize * innerCount,
    innerStep: 1,
    length: groupSize,
    axisLength,
    runLength: groupSize,
    runStep: 0,
    elementStep: innerCount,
  };
}

/** Plans the reduction of a tensor that is bound in the given windows. Every output must have at least one element. */
export function planReduction(engine: Engine, map: ParameterMap, windows: readonly Window[]): ReductionPlan {
  const geometry = geometryOf(map);
  const length = Math.min(geometry.length, geometry.axisLength);
  // Where neighbouring elements belong to different outputs, each invocation takes one output.
  const contiguous = geometry.elementStep === 1;
  const lanes = !contiguous || length <= 4 ? 1 : length <= 64 ? 8 : workgroupSize;
  const segmentCount = Math.ceil(length / (lanes * elementsPerLane));
  const slotsPerWorkgroup = workgroupSize / lanes;
  const workPerSlot = Math.ceil(length / segmentCount) * workPerElement + lanes * 20;
  const parts: ReductionPart[] = [];
  for (const window of windows) {
    for (const run of workRuns(engine, geometry.outputCount * segmentCount, workPerSlot, slotsPerWorkgroup)) {
      parts.push({
        uniforms: {
          ...geometry,
          segmentCount,
          windowStart: window.start,
          windowLength: window.length,
          firstSlot: run.first,
          endSlot: run.end,
        },
        window,
        workgroups: Math.ceil((run.end - run.first) / slotsPerWorkgroup),
        work: run.work,
      });
    }
  }
  return { lanes, nested: geometry.runLength < length, parts };
}
