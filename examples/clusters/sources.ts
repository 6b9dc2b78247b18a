/** Where points come from: shapes, the cities, pictures, files. */
import { type Engine, InvalidInput, readPoints } from '../../src/index.ts';
import { loadCities } from '../data/load.ts';
import { decodePicture } from '../shared/decodePicture.ts';
import type { Cloud } from './cloud.ts';
import { drawSample } from './samplePicture.ts';
import { makeShape, type ShapeOptions, shapes } from './shapes.ts';

/** What can be chosen beside a shape. */
export const otherSources = { cities: 'Cities of the world', picture: 'Sample picture' } as const;

/** Longer side of a picture: with shaders on the CPU, and on a GPU. */
const longestPicture = { software: 200, hardware: 1024 } as const;

/** Whether a shape or something else leaves this to be chosen. */
export function chooses(source: string, what: 'count' | 'groups' | 'columns'): boolean {
  if (what === 'count') return source in shapes || source === 'cities';
  return shapes[source]?.chooses.includes(what) ?? false;
}

/** The points of something that can be chosen by name. @throws InvalidInput for another name */
export async function loadSource(engine: Engine, source: string, options: ShapeOptions): Promise<Cloud> {
  if (source === 'cities') {
    const { names, ...cities } = await loadCities(options.count);
    const columns = ['x (0° E)', 'y (90° E)', 'z (north)'];
    return { name: 'Cities', points: cities, columns, rowNames: names };
  }
  if (source === 'picture') return pictureCloud('Sample picture', drawSample(longestOn(engine)));
  return makeShape(source, options);
}

/** The points of a file: its rows, or the pixels of a picture. @throws InvalidInput for anything else */
export async function loadFile(engine: Engine, file: File): Promise<Cloud> {
  const isPicture = file.type.startsWith('image/');
  if (isPicture) return pictureCloud(file.name, await decodePicture(file, longestOn(engine)));
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes.length === 0)
    throw new InvalidInput(`“${file.name}” is empty. Choose a CSV, .npy, Parquet or picture file.`);
  const { data, rowCount, columnCount, header } = await readPoints(bytes).catch((cause: unknown) => {
    if (!(cause instanceof Error)) throw cause;
    throw new InvalidInput(`“${file.name}”: ${cause.message}`, { cause });
  });
  const columns = header ?? Array.from({ length: columnCount }, (_, column) => `column ${column}`);
  return { name: file.name, points: { data, rowCount, columnCount }, columns };
}

function longestOn({ info }: Engine): number {
  return info.software ? longestPicture.software : longestPicture.hardware;
}

/** The pixels of a picture as points. */
function pictureCloud(name: string, picture: ImageData): Cloud {
  const rowCount = picture.width * picture.height;
  const data = new Float32Array(rowCount * 3);
  for (let pixel = 0; pixel < rowCount; pixel++) {
    for (let part = 0; part < 3; part++) data[pixel * 3 + part] = picture.data[pixel * 4 + part] as number;
  }
  return { name, points: { data, rowCount, columnCount: 3 }, columns: ['red', 'green', 'blue'], picture };
}
