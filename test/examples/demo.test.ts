import { describe, expect, test } from 'vitest';
import { OrbitCamera } from '../../examples/demo/camera.ts';
import { inertiaOf } from '../../examples/demo/citiesReport.ts';
import { SignalToNoise } from '../../examples/demo/measure.ts';
import { bestMatches } from '../../examples/demo/vectorIndex.ts';
import { Pacer } from '../../examples/shared/pacer.ts';
import { coloursFor } from '../../examples/shared/palette.ts';

describe('best matches', () => {
  test('come best first, without the query, equal ones in order of index', () => {
    expect(bestMatches([0.5, 1, 0.5, 0.9, -1], 1, 3)).toEqual([3, 0, 2]);
    expect(bestMatches([0.5, 1], 0, 3)).toEqual([1]);
    expect(bestMatches([], 0, 3)).toEqual([]);
  });
});

describe('signal to noise', () => {
  test('sums over all tensors', () => {
    const ratio = new SignalToNoise().add([3, 4], [3, 4.5]).add([0, 5], [0.5, 5]);
    expect(ratio.decibels).toBeCloseTo(20, 12);
    expect(new SignalToNoise().add([1], [1]).decibels).toBe(Number.POSITIVE_INFINITY);
    expect(new SignalToNoise().add([1, 2], [1]).decibels).toBeNaN();
  });
});

test('inertia is the sum of squared distances to the own centroid', () => {
  const points = Float64Array.of(0, 0, 2, 0, 5, 5);
  expect(inertiaOf(points, Int32Array.of(0, 0, 1), Float64Array.of(1, 0, 5, 4), 2)).toBe(3);
});

describe('colours', () => {
  test('are one a centroid, all different, within the range of sRGB', () => {
    const centroids = Float64Array.from({ length: 64 * 3 }, (_, index) => Math.sin(index * 12.9898) % 1);
    const colours = coloursFor(centroids);
    expect(new Set(colours.map(String)).size).toBe(64);
    expect(colours.flat().every((part) => part >= 0 && part <= 1)).toBe(true);
  });

  test('differ most between neighbours', () => {
    const [first, near] = coloursFor([1, 0, 0, 1, 0.01, 0, -1, 0, 0]);
    const difference = Math.hypot(...(first ?? []).map((part, index) => part - (near?.[index] ?? 0)));
    expect(difference).toBeGreaterThan(0.3);
  });
});

describe('the camera', () => {
  test('keeps the poles and the surface out of reach', () => {
    const camera = new OrbitCamera();
    camera.turn(0, 10);
    camera.zoom(1e6);
    expect(camera.viewpoint.latitude).toBeLessThan(Math.PI / 2);
    expect(camera.viewpoint.distance).toBeGreaterThan(1);
  });

  test('keeps the point below the eye in the middle of the view', () => {
    const camera = new OrbitCamera();
    camera.turn(1.3, -0.2);
    const { viewProjection, eye } = camera.project(1.5);
    const [x = 0, y = 0, z = 0] = eye.map((part) => part / camera.viewpoint.distance);
    const row = (index: number): number =>
      [0, 1, 2, 3].reduce(
        (sum, column) => sum + (viewProjection[column * 4 + index] ?? 0) * ([x, y, z, 1][column] ?? 0),
        0,
      );
    expect(row(0) / row(3)).toBeCloseTo(0, 5);
    expect(row(1) / row(3)).toBeCloseTo(0, 5);
  });
});

describe('the pacer', () => {
  const signal = new AbortController().signal;

  test('lets work through until it is paused, and again when it is resumed', async () => {
    const pacer = new Pacer();
    await pacer.pass(0, signal);
    pacer.pause();
    let passed = false;
    const waiting = pacer.pass(0, signal).then(() => {
      passed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(passed).toBe(false);
    pacer.resume();
    await waiting;
    expect(pacer.paused).toBe(false);
    expect(pacer.idleMilliseconds).toBeGreaterThan(10);
  });

  test('lets one step through', async () => {
    const pacer = Pacer.stepping();
    const abort = new AbortController();
    const first = pacer.pass(0, abort.signal);
    let passed = false;
    first.then(() => {
      passed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(passed).toBe(false);
    pacer.step();
    await first;
    const second = pacer.pass(0, abort.signal);
    abort.abort();
    await second;
  });
});
