import { describe, expect, test } from 'vitest';
import { tickLabel, ticksBetween, toScreen } from '../../examples/clusters/axesOverlay.ts';
import { ClusterColours, SharedColours } from '../../examples/clusters/clusterColours.ts';
import { numbersByOverlap, numbersByPlace } from '../../examples/clusters/colourMatching.ts';
import { pointAt } from '../../examples/clusters/picking.ts';
import { PlotCamera } from '../../examples/clusters/plotCamera.ts';
import { makeShape, shapes } from '../../examples/clusters/shapes.ts';
import { paletteColour, paletteNumbers } from '../../examples/shared/palette.ts';

const options = { count: 500, groups: 4, columns: 3, seed: 11 };

describe('shapes', () => {
  test.each(Object.keys(shapes))(
    '%s is the same for the same seed, finite, and of the groups asked for',
    async (name) => {
      const { points, columns, truth } = await makeShape(name, options);
      expect(points.data).toEqual((await makeShape(name, options)).points.data);
      expect(points.data).not.toEqual((await makeShape(name, { ...options, seed: 12 })).points.data);
      expect(points.data.every(Number.isFinite)).toBe(true);
      expect(points.data).toHaveLength(500 * columns.length);
      const groups = { moons: 2, uniform: 0 }[name] ?? 4;
      expect(new Set(truth).size).toBe(groups);
    },
  );
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

describe('colours', () => {
  test('that are kept stay, and others get different ones', () => {
    const places = Float64Array.from({ length: 5 * 3 }, (_, index) => Math.sin(index * 12.9898));
    const numbers = paletteNumbers(places, [undefined, 7, undefined, 0]);
    expect(numbers[1]).toBe(7);
    expect(numbers[3]).toBe(0);
    expect(new Set(numbers).size).toBe(5);
    expect(paletteNumbers(places, numbers)).toEqual(numbers);
  });

  test('go to the clusters with most points in common, the largest first, each once', () => {
    const labels = Int32Array.of(0, 0, 0, 0, 1, 1, 1, 2, -1);
    const others = { numbers: [5, 3, 9], labels: Int32Array.of(1, 1, 1, 0, 0, 0, 1, -1, 2) };
    expect(numbersByOverlap(labels, 3, [others])).toEqual([3, 5, undefined]);
    expect(numbersByOverlap(labels, 3, [])).toEqual([undefined, undefined, undefined]);
    // Two that agree outvote one.
    const more = { numbers: [5, 3], labels: Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1, 1) };
    expect(numbersByOverlap(labels, 3, [others, more, more])).toEqual([5, 3, undefined]);
  });

  test('of many points are found from a part of them, whatever period their rows have', () => {
    const rowCount = 200_000;
    const labels = Int32Array.from({ length: rowCount }, (_, row) => row % 10);
    const others = { numbers: [...Array(10).keys()], labels: labels.map((label) => (label * 3) % 10) };
    const expected = Array.from({ length: 10 }, (_, label) => (label * 3) % 10);
    expect(numbersByOverlap(labels, 10, [others])).toEqual(expected);
  });

  test('go to the nearest clusters that have none yet', () => {
    const others = { numbers: [4, 8, 2], places: Float64Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0) };
    const places = Float64Array.of(0.1, 0.9, 0, 0.9, 0, 0, 0.4, 0.1, 0);
    expect(numbersByPlace(places, [], others)).toEqual([2, 8, 4]);
    expect(numbersByPlace(places, [undefined, 4], others)).toEqual([2, 4, 8]);
  });

  test('stay from stage to stage, and are the same in the next pane', () => {
    const data = Float64Array.of(0, 0, 1, 0, 0, 1, 1, 1);
    const cloud = { name: 'four', points: { data, rowCount: 4, columnCount: 2 }, columns: ['x', 'y'] };
    const axes = [0, 1].map((column) => ({ column, middle: 0.5, scale: 2, low: 0, high: 1 }));
    const shared = new SharedColours();
    const [first, second] = [new ClusterColours(shared), new ClusterColours(shared)];
    const two = first.atStage(cloud, axes, Float64Array.of(0, 0.5, 1, 0.5));
    const four = first.atStage(cloud, axes, Float64Array.of(0, 0, 1, 0, 0, 1, 1, 1));
    expect(four.slice(0, 2)).toEqual(two);
    expect(new Set(four.map(String)).size).toBe(4);
    expect(first.atEnd(cloud, axes, Int32Array.of(0, 1, 2, 3), data)).toEqual(four);
    // The same clusters, numbered the other way round.
    expect(second.atEnd(cloud, axes, Int32Array.of(3, 2, 1, 0))).toEqual([...four].reverse());
    const cut = second.atCut(cloud, axes, Int32Array.of(0, 0, 0, 1), Int32Array.of(3, 2, 1, 0));
    expect(cut[1]).toEqual(four[3]);
    shared.clear();
    second.clear();
    const fresh = second.atStage(cloud, axes, data);
    expect(fresh).toEqual(paletteNumbers([-1, -1, 0, 1, -1, 0, -1, 1, 0, 1, 1, 0]).map(paletteColour));
  });
});
