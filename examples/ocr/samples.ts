/** Pages of known text. */
import type { PlacedLine, TextPage } from './textSet.ts';

interface Sample {
  /** As in the page's list and in its address. */
  readonly name: string;
  readonly title: string;
  readonly page: TextPage;
}

function stacked(lines: readonly Omit<PlacedLine, 'x' | 'y'>[], x: number, top: number, step: number): PlacedLine[] {
  return lines.map((line, index) => ({ ...line, x, y: top + index * step }));
}

const sans = { family: 'sans-serif', size: 28, ink: '#16202e' } as const;

/** A picture of two lines, for a first look. */
const label: TextPage = {
  width: 320,
  height: 128,
  ground: '#f4efe2',
  lines: [
    { ...sans, text: 'Integers are exact', x: 28, y: 40 },
    { ...sans, family: 'serif', text: 'Order No. 48213', x: 28, y: 90 },
  ],
};

/** A note such as people photograph. */
const note: TextPage = {
  width: 480,
  height: 288,
  ground: '#fbfaf6',
  lines: stacked(
    [
      { ...sans, face: 'bold', size: 34, text: 'Meeting on Friday' },
      { ...sans, text: '14:30, second floor' },
      { ...sans, family: 'serif', text: 'Bring the signed forms' },
      { ...sans, family: 'monospace', size: 24, text: 'Total: $1,284.50' },
    ],
    36,
    50,
    62,
  ),
};

const turnedPage: TextPage = {
  width: 576,
  height: 384,
  ground: '#eef3f8',
  lines: [
    { ...sans, text: 'Straight as a ruler', x: 40, y: 48 },
    { ...sans, text: 'A little askew', x: 60, y: 100, degrees: 8 },
    { ...sans, family: 'serif', text: 'Upside down it stood', x: 120, y: 218, upsideDown: true },
    { ...sans, face: 'bold', text: 'Climbing the hill', x: 60, y: 350, degrees: -14 },
  ],
};

const fonts: TextPage = {
  width: 640,
  height: 416,
  ground: '#fffdf7',
  lines: [
    { ...sans, face: 'bold', size: 44, text: 'Harbour Coffee', x: 40, y: 52 },
    { ...sans, family: 'serif', face: 'italic', size: 26, text: 'Fresh every morning', x: 42, y: 110, ink: '#6b3a14' },
    { ...sans, family: 'monospace', size: 22, text: 'Espresso', x: 42, y: 178 },
    { ...sans, family: 'monospace', size: 22, text: '$2.40', x: 500, y: 178 },
    { ...sans, family: 'monospace', size: 22, text: 'Cappuccino', x: 42, y: 226 },
    { ...sans, family: 'monospace', size: 22, text: '$3.10', x: 500, y: 226 },
    { ...sans, family: 'serif', size: 24, text: 'Open Monday to Friday, 7:00-18:30', x: 42, y: 296, ink: '#1d4a2a' },
    { ...sans, size: 20, text: 'harbour@example.org', x: 42, y: 364, ink: '#223a66' },
  ],
};

const noisy: TextPage = {
  width: 480,
  height: 256,
  ground: '#9aa09a',
  noise: 60,
  lines: stacked(
    [
      { ...sans, size: 32, face: 'bold', text: 'Platform 12', ink: '#2b2f2b' },
      { ...sans, text: 'Train 4071 to Lisbon', ink: '#3c403c' },
      { ...sans, family: 'serif', text: 'Delayed by 25 minutes', ink: '#333733' },
    ],
    40,
    56,
    70,
  ),
};

export const samples: readonly Sample[] = [
  { name: 'note', title: 'A note', page: note },
  { name: 'label', title: 'A label', page: label },
  { name: 'fonts', title: 'Fonts and sizes', page: fonts },
  { name: 'turned', title: 'Turned lines', page: turnedPage },
  { name: 'noisy', title: 'Noise', page: noisy },
];
