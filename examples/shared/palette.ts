/** Colours for clusters: as many as wanted, evenly bright, with neighbours on the sphere kept apart. */

/** An sRGB colour, each part 0 … 1. */
export type Colour = readonly [red: number, green: number, blue: number];

/** Lightness and chroma of the tiers that hues are repeated in, for a dark ground. */
const tiers = [
  { lightness: 0.78, chroma: 0.145 },
  { lightness: 0.66, chroma: 0.16 },
  { lightness: 0.88, chroma: 0.095 },
] as const;

const goldenAngle = Math.PI * (3 - Math.sqrt(5));

interface Oklab {
  readonly lightness: number;
  readonly a: number;
  readonly b: number;
}

function encode(linear: number): number {
  const clamped = Math.min(Math.max(linear, 0), 1);
  return clamped <= 0.0031308 ? 12.92 * clamped : 1.055 * clamped ** (1 / 2.4) - 0.055;
}

/** Björn Ottosson, "A perceptual color space for image processing" (2020). */
function oklabToColour({ lightness, a, b }: Oklab): Colour {
  const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    encode(4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short),
    encode(-1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short),
    encode(-0.0041960863 * long - 0.7034186147 * middle + 1.707614701 * short),
  ];
}

/** The colours of the palette have numbers: the first ones differ most. */
function candidate(number: number): Oklab {
  const { lightness, chroma } = tiers[number % tiers.length] ?? tiers[0];
  const hue = number * goldenAngle;
  return { lightness, a: chroma * Math.cos(hue), b: chroma * Math.sin(hue) };
}

function distance(left: readonly number[], right: readonly number[]): number {
  return Math.hypot(...left.map((value, axis) => value - (right[axis] ?? 0)));
}

/**
 * A colour of the palette for each centroid, so that centroids that are near each other differ most. Greedy: each centroid in
 * turn takes the free colour whose closest rival, weighted by nearness, is the farthest.
 *
 * @param centroids [count, 3], row-major, about unit length
 * @param kept numbers that centroids have already, all different
 */
export function paletteNumbers(centroids: ArrayLike<number>, kept: readonly (number | undefined)[] = []): number[] {
  const count = centroids.length / 3;
  const places = Array.from({ length: count }, (_, index) => [0, 1, 2].map((axis) => centroids[index * 3 + axis] ?? 0));
  const numbers = Array.from(places, (_, index) => kept[index]);
  const used = new Set(numbers);
  const free: number[] = [];
  for (let number = 0; free.length < numbers.filter((one) => one === undefined).length; number++) {
    if (!used.has(number)) free.push(number);
  }
  const taken = places.flatMap((place, index) => {
    const number = numbers[index];
    return number === undefined ? [] : [{ place, colour: candidate(number) }];
  });
  return places.map((place, index) => {
    const own = numbers[index];
    if (own !== undefined) return own;
    const rivals = taken.map((rival) => ({
      colour: rival.colour,
      nearness: 1 / (0.05 + distance(place, rival.place)) ** 2,
    }));
    let best = 0;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const [position, number] of free.entries()) {
      const { lightness, a, b } = candidate(number);
      let cost = 0;
      for (const { colour, nearness } of rivals) {
        const squared = (lightness - colour.lightness) ** 2 + (a - colour.a) ** 2 + (b - colour.b) ** 2;
        cost += nearness / (0.001 + squared);
      }
      if (cost < bestCost) {
        best = position;
        bestCost = cost;
      }
    }
    const [number = 0] = free.splice(best, 1);
    taken.push({ place, colour: candidate(number) });
    return number;
  });
}

/** The colour of the palette with this number. */
export function paletteColour(number: number): Colour {
  return oklabToColour(candidate(number));
}

/** A colour for each centroid, as `paletteNumbers` chooses it. */
export function coloursFor(centroids: ArrayLike<number>): Colour[] {
  return paletteNumbers(centroids).map(paletteColour);
}

/** The colour as CSS writes it. */
export function toCss(colour: Colour): string {
  return `rgb(${colour.map((part) => Math.round(part * 255)).join(' ')})`;
}
