import { describe, expect, test } from 'vitest';
import { detectorInput } from '../../examples/ocr/detection.ts';
import { agreement, compareTexts, editDistance } from '../../examples/ocr/difference.ts';
import type { Quad } from '../../examples/ocr/geometry.ts';
import { type Picture, Source, wholeOf, writePlanes } from '../../examples/ocr/picture.ts';
import { decodeLine, groupByWidth, lineInput, paddedWidth, readKeys } from '../../examples/ocr/recognition.ts';
import { textLines } from '../../examples/ocr/textSet.ts';
import { createRandom } from '../reference/random.ts';

const quad = (x: number, y: number, width: number, height: number): Quad => [
  { x, y },
  { x: x + width, y },
  { x: x + width, y: y + height },
  { x, y: y + height },
];

/** A picture from its red channel; green is 1 more and blue 2 more. */
function picture(width: number, height: number, red: (x: number, y: number) => number): Picture {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const value = red(pixel % width, Math.floor(pixel / width));
    data.set([value, value + 1, value + 2, 255], 4 * pixel);
  }
  return { width, height, data };
}

const reds = ({ data }: Picture): number[] => [...data].filter((_, index) => index % 4 === 0);

describe('cutting', () => {
  const ramp = picture(8, 4, (x, y) => 10 * x + 40 * y);

  test('at the same size copies', () => {
    expect(new Source(ramp).cut(wholeOf(ramp), 8, 4).data).toEqual(ramp.data);
    expect(reds(new Source(ramp).cut(quad(2, 1, 3, 2), 3, 2))).toEqual([60, 70, 80, 100, 110, 120]);
  });

  test('interpolates between the middles of pixels', () => {
    // Quarters of a step of 40 from the middle of a pixel: no rounding.
    const steep = picture(4, 1, (x) => 40 * x);
    expect(reds(new Source(steep).cut(quad(1, 0, 2, 1), 4, 1))).toEqual([30, 50, 70, 90]);
  });

  test('upside down reverses the pixels', () => {
    const [a, b, c, d] = wholeOf(ramp);
    expect(reds(new Source(ramp).cut([c, d, a, b], 8, 4))).toEqual(reds(ramp).toReversed());
  });

  test('a line that runs downwards lays it flat', () => {
    const [a, b, c, d] = wholeOf(ramp);
    // The first row is the right column, from above.
    expect(reds(new Source(ramp).cut([b, c, d, a], 4, 8)).slice(0, 4)).toEqual([70, 110, 150, 190]);
  });

  test('goes on with the edge outside', () => {
    expect(reds(new Source(ramp).cut(quad(-3, 0, 3, 1), 3, 1))).toEqual([0, 0, 0]);
    expect(reds(new Source(ramp).cut(quad(7, 3, 3, 3), 3, 3))).toEqual(new Array(9).fill(190));
  });

  test('shrinks by the mean, so that fine strokes turn grey and do not vanish', () => {
    const stripes = picture(64, 64, (x) => (x % 2 === 0 ? 0 : 200));
    expect(new Set(reds(new Source(stripes).cut(wholeOf(stripes), 16, 16)))).toEqual(new Set([100]));
  });

  test('halves odd sizes', () => {
    const odd = picture(3, 3, () => 77);
    expect(reds(new Source(odd).cut(wholeOf(odd), 1, 1))).toEqual([77]);
  });
});

describe('the input of the models', () => {
  test('has the planes blue, green, red, normalized, beside what was there', () => {
    const into = new Float32Array(20).fill(9);
    const colours = { mean: [0.5, 0.25, 0], deviation: [0.5, 0.25, 1] } as const;
    writePlanes(
      picture(2, 1, (x) => 51 * x),
      colours,
      into,
      { offset: 1, rowLength: 3 },
    );
    const expected = [2 / 127.5 - 1, 53 / 127.5 - 1, 1 / 63.75 - 1, 52 / 63.75 - 1, 0, 0.2];
    expect([into[0], into[3], into[6], into[9], into[12]]).toEqual([9, 9, 9, 9, 9]);
    const written = [into[1], into[2], into[4], into[5], into[7], into[8]];
    written.forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 6);
    });
  });

  test.each([
    { width: 320, height: 128, longestSide: 960, expected: [320, 128] },
    { width: 1920, height: 1080, longestSide: 960, expected: [960, 544] },
    { width: 1000, height: 10, longestSide: 640, expected: [640, 32] },
    { width: 1, height: 1, longestSide: 960, expected: [32, 32] },
    { width: 47, height: 49, longestSide: 960, expected: [32, 64] },
  ])('a picture of $width × $height is detected at $expected', ({ width, height, longestSide, expected }) => {
    const input = detectorInput(new Source(picture(width, height, () => 124)), longestSide);
    expect([input.width, input.height]).toEqual(expected);
    expect(input.data).toHaveLength(3 * input.width * input.height);
    expect(input.data.at(-1)).toBeCloseTo((124 / 255 - 0.406) / 0.225, 5);
    expect(input.data[0]).toBeCloseTo((126 / 255 - 0.485) / 0.229, 5);
  });

  test('lines are 48 high, keep their shape, and have zeros at their right', () => {
    const source = new Source(picture(200, 100, () => 255));
    const { data, shape } = lineInput(source, [quad(0, 0, 40, 24), quad(0, 0, 200, 24)], 96);
    expect(shape).toEqual([2, 3, 48, 96]);
    expect([data[79], data[80], data[95]]).toEqual([1, 0, 0]);
    // Squeezed: longer than there is room for.
    expect(data[3 * 48 * 96 + 95]).toBe(1);
  });

  test.each([
    { length: 1, width: 32 },
    { length: 32, width: 64 },
    { length: 32.1, width: 96 },
  ])('a line of $length × 24 is padded to $width', ({ length, width }) => {
    expect(paddedWidth(quad(0, 0, length, 24))).toBe(width);
  });

  test('lines of like width go together, shortest first', () => {
    const lengths = [40, 200, 41, 44, 190, 42, 43, 500];
    expect(groupByWidth(lengths, (length) => quad(0, 0, length, 48), 3)).toEqual(
      [[40, 41, 44], [42, 43], [190, 200], [500]].map((group) => expect.arrayContaining(group)),
    );
    expect(
      groupByWidth(lengths, (length) => quad(0, 0, length, 48), 3)
        .flat()
        .sort(),
    ).toEqual(lengths.toSorted());
    expect(groupByWidth([], () => quad(0, 0, 1, 1), 3)).toEqual([]);
  });
});

describe('decoding', () => {
  const keys = readKeys('a\nb\r\nc\n');
  const steps = (path: string, probability = 0.7): Float32Array =>
    Float32Array.from(
      [...path].flatMap((character) =>
        keys.map((key) => (key === (character === '-' ? '' : character) ? probability : 0.1)),
      ),
    );

  test('keys are nothing, the lines of the file, a space', () => {
    expect(keys).toEqual(['', 'a', 'b', 'c', ' ']);
  });

  test.each([
    { path: '', text: '' },
    { path: '----', text: '' },
    { path: 'abc', text: 'abc' },
    { path: 'aabbb-c', text: 'abc' },
    { path: 'a-a', text: 'aa' },
    { path: '-a- -b-', text: 'a b' },
    { path: ' a ', text: 'a' },
  ])('"$path" is "$text"', ({ path, text }) => {
    expect(decodeLine(steps(path), keys).text).toBe(text);
  });

  test('confidence is the mean of the characters, each at its first step', () => {
    const path = Float32Array.from([...steps('a', 0.9), ...steps('a', 0.3), ...steps('-', 0.99), ...steps('b', 0.5)]);
    expect(decodeLine(path, keys).confidence).toBeCloseTo(0.7, 6);
    expect(decodeLine(steps('--'), keys).confidence).toBe(0);
  });
});

describe('differences of texts', () => {
  test.each([
    { left: '', right: '', distance: 0 },
    { left: 'abc', right: '', distance: 3 },
    { left: 'kitten', right: 'sitting', distance: 3 },
    { left: 'Saturday', right: 'Sunday', distance: 3 },
    { left: '𝟘𝟙', right: '𝟙', distance: 1 },
  ])('"$left" to "$right" takes $distance', ({ left, right, distance }) => {
    expect(editDistance(left, right)).toBe(distance);
    expect(editDistance(right, left)).toBe(distance);
  });

  test('are marked in both', () => {
    expect(compareTexts('No. 48213', 'No 4B213')).toEqual({
      left: [
        { text: 'No', differs: false },
        { text: '.', differs: true },
        { text: ' 4', differs: false },
        { text: '8', differs: true },
        { text: '213', differs: false },
      ],
      right: [
        { text: 'No 4', differs: false },
        { text: 'B', differs: true },
        { text: '213', differs: false },
      ],
    });
  });

  test('leave both texts whole, and mark as many characters as the distance is at most', () => {
    const random = createRandom(3);
    for (let round = 0; round < 50; round++) {
      const text = (): string =>
        Array.from({ length: random.integer(0, 12) }, () => 'abc'[random.integer(0, 2)]).join('');
      const [a, b] = [text(), text()];
      const { left, right } = compareTexts(a, b);
      const joined = (pieces: typeof left): string => pieces.map((piece) => piece.text).join('');
      const same = (pieces: typeof left): string => joined(pieces.filter(({ differs }) => !differs));
      expect([joined(left), joined(right)]).toEqual([a, b]);
      expect(same(left)).toBe(same(right));
      expect(Math.max(a.length, b.length) - same(left).length).toBeLessThanOrEqual(editDistance(a, b));
    }
  });

  test('agreement counts each exact line once', () => {
    expect(agreement(['ab', 'ab', 'cd'], ['cd', 'ab'])).toMatchObject({ exact: 2, total: 3 });
    expect(agreement(['ab', 'cd'], ['ab', 'cx'])).toEqual({ exact: 1, total: 2, characterErrorRate: 1 / 5 });
    expect(agreement([], [])).toEqual({ exact: 0, total: 0, characterErrorRate: 0 });
  });
});

test('the labelled lines are those of their seed', () => {
  expect(textLines(40, 7)).toEqual(textLines(40, 7));
  expect(textLines(40, 7)).not.toEqual(textLines(40, 8));
  const lines = textLines(40, 7);
  expect(new Set(lines.map(({ text }) => text)).size).toBeGreaterThan(35);
  expect(lines.every(({ text, size }) => /^[ -~]{5,40}$/.test(text) && size >= 22 && size < 36)).toBe(true);
});
