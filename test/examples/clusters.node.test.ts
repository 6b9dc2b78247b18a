import { describe, expect, test } from 'vitest';
import { tickLabel, ticksBetween, toScreen } from '../../examples/clusters/axesOverlay.ts';
import { pointAt } from '../../examples/clusters/picking.ts';
import { PlotCamera } from '../../examples/clusters/plotCamera.ts';
import { makeShape, shapes } from '../../examples/clusters/shapes.ts';

const options = { count: 500, groups: 4, columns: 3, seed: 11 };

describe('shapes', () => {
  test.each(Object.keys(shapes))('%s is the same for the same seed, finite, and of the groups asked for', (name) => {
    const { points, columns, truth } = makeShape(name, options);
    expect(points.data).toEqual(makeShape(name, options).points.data);
    expect(points.data).not.toEqual(makeShape(name, { ...options, seed: 12 }).points.data);
    expect(points.data.every(Number.isFinite)).toBe(true);
    expect(points.data).toHaveLength(500 * columns.length);
    const groups = { moons: 2, uniform: 0 }[name] ?? 4;
    expect(new Set(truth).size).toBe(groups);
  });
});

describe('scales', () => {
  test('have round values within the range', () => {
    expect(ticksBetween(-0.7, 1.2, 4)).toEqual([-0.5, 0, 0.5, 1]);
    expect(ticksBetween(3, 3, 4)).toEqual([]);
  });

  test('are labelled with the digits that tell values apart', () => {
    expect(tickLabel(10_000.25, 0.5)).toBe('10000.25');
    expect(tickLabel(0.30000000000000004, 1)).toBe('0.3');
  });
});

describe('picking', () => {
  const size = { width: 400, height: 300 };
  const points = { data: Float64Array.of(10, 0, -3, 10, 0, 3, 14, 2, 0), rowCount: 3, columnCount: 3 };
  const cloud = { name: 'three', points, columns: ['a', 'b', 'c'] };
  const axis = (column: number, middle: number) => ({ column, middle, scale: 0.25, low: middle - 4, high: middle + 4 });

  test('finds the nearest point of a flat plot, and none far from all', () => {
    const axes = [axis(0, 12), axis(1, 0)];
    const matrix = new PlotCamera().project(size.width / size.height);
    const place = toScreen(matrix, [(14 - 12) * 0.25, 2 * 0.25, 0], size);
    expect(pointAt(cloud, axes, matrix, size, { x: place.x + 5, y: place.y })).toBe(2);
    expect(pointAt(cloud, axes, matrix, size, { x: place.x + 60, y: place.y })).toBeUndefined();
  });

  test('finds the point in front of two at the same place', () => {
    const axes = [axis(0, 10), axis(1, 0), axis(2, 0)];
    const camera = new PlotCamera();
    camera.flat = false;
    // From above: the point at the greater c is nearer to the eye.
    camera.turn(0, 10);
    const matrix = camera.project(size.width / size.height);
    const place = toScreen(matrix, [0, 0, 0.75], size);
    expect(pointAt(cloud, axes, matrix, size, place)).toBe(1);
  });
});
