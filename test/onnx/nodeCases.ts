import { expect } from 'vitest';
import type { Engine } from '../../src/gpu/engine.ts';
import { type ElementType, type HostTensor, hostTensor, integerRange } from '../../src/graph/hostTensor.ts';
import { createRandom } from '../reference/random.ts';
import { type NodeCase, runNode } from '../support/oneNode.ts';

/** A node case with a name, for tables of tests. */
export interface NamedCase extends NodeCase {
  readonly name: string;
  /** Attributes that are floats even if they look whole. */
  readonly floatAttributes?: readonly string[];
  /** Largest difference of a float result, relative to 1 or the expected value; 0 unless given. */
  readonly tolerance?: number;
}

/** 64-bit integers, as shapes and axes are given. */
export function integers(values: readonly number[]): HostTensor {
  return hostTensor('int64', [values.length], values);
}

/** Random elements of any type: 8-bit ones of their whole range, wider integers of ±1000. */
export function randomTensor(elementType: ElementType, shape: readonly number[], seed = 1): HostTensor {
  const random = createRandom(20261123 + seed);
  const count = shape.reduce((product, length) => product * length, 1);
  const range = integerRange(elementType);
  if (!range) return hostTensor(elementType, shape, random.normalArray(count));
  const [low, high] = [Math.max(range[0], -1000), Math.min(range[1], 1000)];
  return hostTensor(elementType, shape, random.integerArray(count, low, high));
}

/** Compares outputs: types and shapes exactly, integers exactly, floats to the tolerance. */
export function expectOutputs(actual: readonly HostTensor[], expected: readonly HostTensor[], tolerance = 0): void {
  expect(actual.map(({ elementType, shape }) => ({ elementType, shape: [...shape] }))).toEqual(
    expected.map(({ elementType, shape }) => ({ elementType, shape: [...shape] })),
  );
  actual.forEach(({ data, elementType }, index) => {
    const wanted = expected[index]?.data ?? [];
    if (integerRange(elementType) || tolerance === 0) {
      expect(Array.from(data)).toEqual(Array.from(wanted));
      return;
    }
    let worst = 0;
    data.forEach((value, position) => {
      const goal = wanted[position] ?? Number.NaN;
      if (!Object.is(value, goal)) worst = Math.max(worst, Math.abs(value - goal) / Math.max(Math.abs(goal), 1));
    });
    expect(worst).toBeLessThanOrEqual(tolerance);
  });
}

/** Runs a case on the GPU and compares it with its definition. */
export async function expectOnGpu(engine: Engine, nodeCase: NamedCase): Promise<void> {
  const { outputs, expected, place } = await runNode(engine, nodeCase);
  expect(place).toBe('gpu');
  expectOutputs(outputs, expected, nodeCase.tolerance);
}
