import { describe, expect, it } from 'vitest';
import { Speed } from '../../src/gpu/speed.ts';

describe('the speed of an adapter', () => {
  it('is learnt from full batches, up and down', () => {
    for (const actual of [1e4, 1e7]) {
      const speed = new Speed(1e6);
      for (let batch = 0; batch < 60; batch++) speed.measure(speed.workBudget, speed.workBudget / actual);
      expect(speed.workBudget / (50 * actual)).toBeCloseTo(1, 2);
    }
  });

  it('is not lowered by small batches that took long, but raised by those that did not', () => {
    const speed = new Speed(1e6);
    const before = speed.workBudget;
    for (let batch = 0; batch < 1000; batch++) speed.measure(100, 5);
    expect(speed.workBudget).toBe(before);
    speed.measure(1e7, 2.5);
    expect(speed.workBudget).toBeGreaterThan(before);
  });

  it('is not raised by what may have had nothing to do', () => {
    const speed = new Speed(1e6);
    const before = speed.workBudget;
    speed.measure(1e9, 5, true);
    expect(speed.workBudget).toBe(before);
    speed.measure(before, 500, true);
    expect(speed.workBudget).toBeLessThan(before);
  });

  it('is left alone by short batches and by those without work', () => {
    const speed = new Speed(1e6);
    const before = speed.workBudget;
    speed.measure(1e9, 1);
    speed.measure(0, 100);
    expect(speed.workBudget).toBe(before);
  });
});
