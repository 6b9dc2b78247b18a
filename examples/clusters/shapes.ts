import { inTurns, type Pieces } from '../../src/base/pieces.ts';
import { InvalidInput } from '../../src/index.ts';
import type { Cloud } from './cloud.ts';

/** What a shape is made from. */
export interface ShapeOptions {
  readonly count: number;
  /** Groups that the points fall into, where the shape leaves that open. */
  readonly groups: number;
  /** Columns, where the shape leaves that open. */
  readonly columns: number;
  readonly seed: number;
}

/** A shape: what it is called, what can be chosen, and how it comes about. */
export interface Shape {
  readonly title: string;
  readonly chooses: readonly ('groups' | 'columns')[];
  /** Puts a point into `target`. @returns its group */
  readonly maker: (options: ShapeOptions, random: Random) => { readonly columns: number; readonly put: PutPoint };
}

type PutPoint = (target: Float32Array, offset: number, row: number) => number;

/** Most numbers of a shape: 1 GiB. */
const largestLength = 2 ** 28;

/** Random numbers from a seed: SplitMix (G. Steele, D. Lea, C. Flood, 2014) with words of 32 bits. */
export class Random {
  #state: number;
  #spare: number | undefined;

  constructor(seed: number) {
    this.#state = (seed ^ 0x2545f491) >>> 0;
  }

  /** From 0 to below 1. */
  uniform(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let word = this.#state;
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    return ((word ^ (word >>> 16)) >>> 0) / 2 ** 32;
  }

  /** Of mean 0 and variance 1. */
  normal(): number {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined) return spare;
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** A whole number below `count`. */
  below(count: number): number {
    return Math.floor(this.uniform() * count);
  }
}

/** Places of which the nearest two are as far apart as a few tries allow. */
function spreadPlaces(groups: number, columns: number, random: Random): Float64Array[] {
  const draw = () => Float64Array.from({ length: columns }, () => (random.uniform() - 0.5) * 10);
  const places: Float64Array[] = [];
  for (let group = 0; group < groups; group++) {
    const tries = Array.from({ length: 12 }, draw).map((place) => ({
      place,
      room: Math.min(...places.map((other) => Math.hypot(...other.map((value, axis) => value - (place[axis] ?? 0))))),
    }));
    places.push(tries.reduce((best, one) => (one.room > best.room ? one : best)).place);
  }
  return places;
}

export const shapes: Readonly<Record<string, Shape>> = {
  blobs: {
    title: 'Blobs',
    chooses: ['groups', 'columns'],
    maker: ({ groups, columns }, random) => {
      const places = spreadPlaces(groups, columns, random);
      const spreads = places.map(() => 0.35 + 0.55 * random.uniform());
      return {
        columns,
        put: (target, offset) => {
          const group = random.below(groups);
          places[group]?.forEach((middle, axis) => {
            target[offset + axis] = middle + (spreads[group] ?? 1) * random.normal();
          });
          return group;
        },
      };
    },
  },
  anisotropic: {
    title: 'Slanted blobs',
    chooses: ['groups', 'columns'],
    maker: ({ groups, columns }, random) => {
      const places = spreadPlaces(groups, columns, random);
      const slants = places.map(() =>
        Array.from({ length: columns }, () => Array.from({ length: columns }, () => random.normal() * 0.45)),
      );
      return {
        columns,
        put: (target, offset) => {
          const group = random.below(groups);
          const normals = Array.from({ length: columns }, (_, axis) => random.normal() * (axis === 0 ? 1.5 : 0.8));
          places[group]?.forEach((middle, axis) => {
            const slanted = slants[group]?.[axis]?.reduce((sum, part, other) => sum + part * (normals[other] ?? 0), 0);
            target[offset + axis] = middle + (slanted ?? 0);
          });
          return group;
        },
      };
    },
  },
  moons: {
    title: 'Moons',
    chooses: [],
    maker: (_, random) => ({
      columns: 2,
      put: (target, offset) => {
        const group = random.below(2);
        const angle = Math.PI * random.uniform();
        const [x, y] = group === 0 ? [Math.cos(angle), Math.sin(angle)] : [1 - Math.cos(angle), 0.5 - Math.sin(angle)];
        target[offset] = x + 0.06 * random.normal();
        target[offset + 1] = y + 0.06 * random.normal();
        return group;
      },
    }),
  },
  rings: {
    title: 'Rings',
    chooses: ['groups'],
    maker: ({ groups }, random) => ({
      columns: 2,
      put: (target, offset) => {
        // As dense everywhere: the larger a ring, the more of the points.
        const group = Math.floor((Math.sqrt(1 + 4 * random.uniform() * groups * (groups + 1)) - 1) / 2);
        const radius = group + 1 + 0.07 * random.normal();
        const angle = 2 * Math.PI * random.uniform();
        target[offset] = radius * Math.cos(angle);
        target[offset + 1] = radius * Math.sin(angle);
        return group;
      },
    }),
  },
  roll: {
    title: 'Swiss roll',
    chooses: ['groups'],
    maker: ({ groups }, random) => ({
      columns: 3,
      put: (target, offset) => {
        const along = random.uniform();
        const angle = 1.5 * Math.PI * (1 + 2 * along);
        target[offset] = angle * Math.cos(angle) + 0.2 * random.normal();
        target[offset + 1] = angle * Math.sin(angle) + 0.2 * random.normal();
        target[offset + 2] = 21 * random.uniform() + 0.2 * random.normal();
        return Math.min(Math.floor(along * groups), groups - 1);
      },
    }),
  },
  uniform: {
    title: 'Uniform noise',
    chooses: ['columns'],
    maker: ({ columns }, random) => ({
      columns,
      put: (target, offset) => {
        for (let axis = 0; axis < columns; axis++) target[offset + axis] = random.uniform();
        return 0;
      },
    }),
  },
};

/** Points that are made at a time. */
const pointsAtATime = 2048;

function* putAll(put: PutPoint, data: Float32Array, groups: Int32Array): Pieces<void> {
  const columns = data.length / groups.length;
  for (let row = 0; row < groups.length; row++) {
    groups[row] = put(data, row * columns, row);
    if (row % pointsAtATime === 0) yield;
  }
}

/**
 * Points of a shape, the same for the same options. The page can answer meanwhile.
 * @throws InvalidInput for more numbers than fit into memory
 */
export async function makeShape(name: string, options: ShapeOptions): Promise<Cloud> {
  const { count, seed } = options;
  const shape = shapes[name];
  if (!shape) throw new InvalidInput(`There is no shape "${name}"; choose ${Object.keys(shapes).join(', ')}.`);
  const { columns, put } = shape.maker(options, new Random(seed));
  if (count * columns > largestLength) {
    throw new InvalidInput(
      `${count} points of ${columns} columns are ${count * columns} numbers; at most ${largestLength} are made. Ask for fewer.`,
    );
  }
  const data = new Float32Array(count * columns);
  const truth = new Int32Array(count);
  await inTurns(putAll(put, data, truth));
  return {
    name: shape.title,
    points: { data, rowCount: count, columnCount: columns },
    columns:
      columns <= 3 ? ['x', 'y', 'z'].slice(0, columns) : Array.from({ length: columns }, (_, at) => `x${at + 1}`),
    ...(name !== 'uniform' && { truth }),
  };
}
