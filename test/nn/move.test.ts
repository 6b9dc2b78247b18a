import { describe, expect, it } from 'vitest';
import type { TensorData } from '../../src/base/dtype.ts';
import { LimitExceeded, ShapeMismatch } from '../../src/base/errors.ts';
import type { Engine } from '../../src/gpu/engine.ts';
import type { Tensor } from '../../src/gpu/tensor.ts';
import { concatenate, move, reshape, viewOfTensor } from '../../src/nn/move.ts';
import { divided, expanded, padded, type StridedView, shapeOfView, sliced, transposed } from '../../src/nn/view.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const kinds = ['float32', 'int32', 'int8', 'uint8'] as const;

/** Distinct elements, as far as the type has as many. */
function counted(kind: (typeof kinds)[number], shape: readonly number[], first = 1): TensorData {
  const count = shape.reduce((product, length) => product * length, 1);
  const values = Array.from({ length: count }, (_, index) => first + index);
  if (kind === 'float32') return Float32Array.from(values);
  if (kind === 'int32') return Int32Array.from(values);
  return kind === 'int8' ? Int8Array.from(values) : Uint8Array.from(values);
}

/** Calls `visit` with all coordinates of a shape in row-major order. */
function everywhere(
  shape: readonly number[],
  visit: (at: readonly number[]) => void,
  at: readonly number[] = [],
): void {
  if (at.length === shape.length) visit(at);
  else for (let n = 0; n < (shape[at.length] ?? 0); n++) everywhere(shape, visit, [...at, n]);
}

function elementAt(data: TensorData, shape: readonly number[], at: readonly number[]): number {
  return data[at.reduce((index, coordinate, axis) => index * (shape[axis] ?? 0) + coordinate, 0)] ?? Number.NaN;
}

interface MoveCase {
  readonly name: string;
  readonly shape: readonly number[];
  readonly view: (source: StridedView) => StridedView;
  /** Where the element at given coordinates of the result stands in the source; undefined for the fill of 5. */
  readonly from: (at: readonly number[]) => readonly number[] | undefined;
  readonly result?: readonly number[];
}

const mirrored = (place: number, length: number): number => {
  let at = place;
  while (at < 0 || at >= length) at = at < 0 ? -at : 2 * (length - 1) - at;
  return at;
};

const cases: MoveCase[] = [
  { name: 'a scalar', shape: [], view: (source) => source, from: () => [] },
  { name: 'a transposition', shape: [5, 19], view: (v) => transposed(v, [1, 0]), from: ([a = 0, b = 0]) => [b, a] },
  {
    name: 'outer axes exchanged',
    shape: [3, 5, 7],
    view: (v) => transposed(v, [1, 0, 2]),
    from: ([a = 0, b = 0, c = 0]) => [b, a, c],
  },
  {
    name: 'a slice backwards',
    shape: [4, 33],
    view: (v) => sliced(sliced(v, 1, 30, 11, -3), 0, 1, 2, 2),
    from: ([a = 0, b = 0]) => [1 + 2 * a, 30 - 3 * b],
  },
  {
    name: 'an expansion',
    shape: [3, 1, 6],
    view: (v) => expanded(v, [2, 3, 4, 6]),
    from: ([, a = 0, , c = 0]) => [a, 0, c],
  },
  {
    name: 'an expansion of the last axis',
    shape: [9, 1],
    view: (v) => expanded(v, [9, 18]),
    from: ([a = 0]) => [a, 0],
  },
  {
    name: 'a fill around',
    shape: [3, 17],
    view: (v) => ({ ...padded(padded(v, 0, 1, 2, 'constant'), 1, 3, 1, 'constant'), fill: 5 }),
    from: ([a = 0, b = 0]) => (a < 1 || a > 3 || b < 3 || b > 19 ? undefined : [a - 1, b - 3]),
  },
  {
    name: 'a fill of rows',
    shape: [3, 17],
    view: (v) => ({ ...padded(v, 0, 2, 1, 'constant'), fill: 5 }),
    from: ([a = 0, b = 0]) => (a < 2 || a > 4 ? undefined : [a - 2, b]),
  },
  {
    name: 'edges repeated',
    shape: [2, 5],
    view: (v) => padded(padded(v, 0, 3, 0, 'edge'), 1, 2, 7, 'edge'),
    from: ([a = 0, b = 0]) => [Math.max(a - 3, 0), Math.min(Math.max(b - 2, 0), 4)],
  },
  {
    name: 'reflections longer than the axis',
    shape: [1, 4],
    view: (v) => padded(padded(v, 0, 2, 1, 'reflect'), 1, 9, 8, 'reflect'),
    from: ([, b = 0]) => [0, mirrored(b - 9, 4)],
  },
  {
    name: 'an axis wrapped around',
    shape: [2, 3],
    view: (v) => padded(padded(v, 0, 0, 2, 'wrap'), 1, 7, 20, 'wrap'),
    from: ([a = 0, b = 0]) => [a % 2, (b - 7 + 30) % 3],
  },
  {
    name: 'eight axes exchanged',
    shape: [2, 1, 3, 2, 2, 1, 2, 3],
    view: (v) => transposed(v, [7, 5, 3, 1, 6, 4, 2, 0]),
    from: ([h = 0, f = 0, d = 0, b = 0, g = 0, e = 0, c = 0, a = 0]) => [a, b, c, d, e, f, g, h],
  },
  {
    name: 'six axes of six',
    shape: [2, 3, 2, 3, 2, 3],
    view: (v) => transposed(v, [5, 3, 1, 4, 2, 0]),
    from: ([f = 0, d = 0, b = 0, e = 0, c = 0, a = 0]) => [a, b, c, d, e, f],
  },
  {
    name: 'one axis divided and spread',
    shape: [12, 5],
    view: (v) => transposed(divided(v, 0, [3, 4]), [0, 2, 1]),
    from: ([a = 0, b = 0, c = 0]) => [a * 4 + c, b],
    result: [3, 20],
  },
  { name: 'nothing', shape: [3, 7], view: (v) => sliced(v, 1, 2, 0), from: () => undefined },
];

async function read(engine: Engine, tensor: Tensor): Promise<number[]> {
  const values = Array.from(await tensor.read());
  if (tensor.layout.rowBytes > tensor.layout.columnCount && tensor.size > 0 && /int8/.test(tensor.dtype)) {
    const bytes = new Uint8Array(await engine.readBytes(tensor.allocation, tensor.layout.size));
    const padding = bytes.filter((_, index) => index % tensor.layout.rowBytes >= tensor.layout.columnCount);
    expect(Math.max(...padding), 'padding').toBe(0);
  }
  return values;
}

describe('move', () => {
  it.each(cases.flatMap((moveCase) => kinds.map((kind) => ({ ...moveCase, kind }))))(
    '$name of $kind',
    async ({ shape, view, from, result, kind }) => {
      const engine = await open();
      const data = counted(kind, shape);
      using source = engine.tensor(data, shape);
      const shown = view(viewOfTensor(source));
      const sizes = shapeOfView(shown);
      using goal = move(engine, source, shown, result ?? sizes);
      using single = move(engine, source, shown, result ?? sizes, 1);
      const expected: number[] = [];
      everywhere(sizes, (at) => {
        const place = from(at);
        expected.push(place ? elementAt(data, shape, place) : 5);
      });
      expect(goal.shape).toEqual(result ?? sizes);
      expect(await read(engine, goal)).toEqual(expected);
      expect(await read(engine, single)).toEqual(expected);
    },
  );

  it('says what does not fit', async () => {
    const engine = await open();
    using source = engine.tensor(new Float32Array(2 ** 9), new Array<number>(9).fill(2));
    const view = viewOfTensor(source);
    expect(() => move(engine, source, view, [100])).toThrow(ShapeMismatch);
    expect(() => move(engine, source, transposed(view, [8, 7, 6, 5, 4, 3, 2, 1, 0]), source.shape)).toThrow(
      LimitExceeded,
    );
    expect(() => expanded(view, [3])).toThrow(ShapeMismatch);
    expect(() => divided(view, 0, [3])).toThrow(ShapeMismatch);
    expect(() => transposed(view, [9])).toThrow(ShapeMismatch);
  });
});

describe('reshape', () => {
  it.each(kinds)('keeps the order of %s elements', async (kind) => {
    const engine = await open();
    const data = counted(kind, [6, 10]);
    using source = engine.tensor(data, [6, 10]);
    for (const shape of [[3, 2, 10], [60], [4, 15], [20, 3], [60, 1]]) {
      using goal = reshape(engine, source, shape);
      expect(goal.shape).toEqual(shape);
      expect(await read(engine, goal)).toEqual([...data]);
    }
  });
});

describe('concatenate', () => {
  it.each(kinds)('puts %s tensors one behind the other', async (kind) => {
    const engine = await open();
    for (const axis of [0, 1, 2]) {
      const shapes = [1, 3, 0, 2, 18].map((length) => [2, 3, 5].with(axis, length));
      const data = shapes.map((shape, index) => counted(kind, shape, 20 * index));
      const parts = shapes.map((shape, index) => engine.tensor(data[index] ?? new Float32Array(0), shape));
      using goal = concatenate(engine, parts, axis);
      const expected: number[] = [];
      everywhere([2, 3, 5].with(axis, 24), (at) => {
        let along = at[axis] ?? 0;
        const part = shapes.findIndex((shape) => {
          const inside = along < (shape[axis] ?? 0);
          if (!inside) along -= shape[axis] ?? 0;
          return inside;
        });
        expected.push(elementAt(data[part] ?? new Float32Array(0), shapes[part] ?? [], at.with(axis, along)));
      });
      expect(await read(engine, goal)).toEqual(expected);
      for (const part of parts) part.dispose();
    }
    expect(() => concatenate(engine, [], 0)).toThrow(ShapeMismatch);
  });
});
