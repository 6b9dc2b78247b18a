import { describe, expect, it } from 'vitest';
import { ShapeMismatch } from '../../src/base/errors.ts';
import { gridSample } from '../../src/nn/gridSample.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

describe('gridSample', () => {
  const [height, width] = [3, 4];
  const cells = Array.from({ length: height * width }, (_, cell) => cell);
  /** The grid that names the middle of each element. */
  const middles = (aligned: boolean, x: number, y: number): number[] =>
    cells.flatMap((cell) => {
      const [column, row] = [(cell % width) + x, Math.floor(cell / width) + y];
      return aligned
        ? [(2 * column) / (width - 1) - 1, (2 * row) / (height - 1) - 1]
        : [(2 * column + 1) / width - 1, (2 * row + 1) / height - 1];
    });

  it.each(
    (['nearest', 'linear', 'cubic'] as const).flatMap((mode) =>
      (['zeros', 'border', 'reflection'] as const).flatMap((padding) =>
        [true, false].map((aligned) => ({ mode, padding, aligned })),
      ),
    ),
  )('$mode, $padding, aligned $aligned: the elements themselves, and beyond the ends', async (options) => {
    const engine = await open();
    const { padding, aligned } = options;
    const data = createRandom(5).normalArray(2 * 3 * height * width);
    // Moved by whole elements, every interpolation gives elements of the image.
    const shifts: [number, number][] = [
      [0, 0],
      [-7, 2],
    ];
    const points = shifts.flatMap(([x, y]) => middles(aligned, x, y));
    using source = engine.tensor(data, [2, 3, height, width]);
    using grid = engine.tensor(Float32Array.from(points), [2, height, width, 2]);
    using goal = gridSample(engine, source, grid, options);
    const fold = (place: number, length: number): number | undefined => {
      let at = place;
      if (padding === 'zeros') return at < 0 || at >= length ? undefined : at;
      if (padding === 'border') return Math.max(0, Math.min(at, length - 1));
      const repeats = aligned ? 0 : 1;
      while (at < 0 || at >= length) at = at < 0 ? -at - repeats : 2 * (length - 1) + repeats - at;
      return at;
    };
    const found = await goal.read();
    found.forEach((value, element) => {
      const image = Math.floor(element / cells.length);
      const [x, y] = shifts[Math.floor(image / 3)] ?? [0, 0];
      const column = fold((element % width) + x, width);
      const row = fold((Math.floor(element / width) % height) + y, height);
      const expected = column === undefined || row === undefined ? 0 : data[(image * height + row) * width + column];
      expect(Math.abs(value - (expected ?? Number.NaN))).toBeLessThan(2e-5);
    });
    expect(goal.shape).toEqual([2, 3, height, width]);
  });

  it('refuses a grid that does not fit', async () => {
    const engine = await open();
    using source = engine.tensor(new Float32Array(4), [1, 1, 2, 2]);
    using grid = engine.tensor(new Float32Array(6), [1, 1, 2, 3]);
    const options = { mode: 'nearest', padding: 'zeros', aligned: false } as const;
    expect(() => gridSample(engine, source, grid, options)).toThrow(ShapeMismatch);
  });
});
