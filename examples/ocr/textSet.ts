/**
 * Labelled text for trying readers: lines from a seed, drawn on a canvas with the fonts of the browser. The lines are the
 * same on every machine; their pixels depend on its fonts. Needs `OffscreenCanvas`, as pages and workers have it.
 */
import { generator } from '../../src/cli/jobs/sampleData.ts';

/** A line of text and how it looks. */
export interface TextLine {
  readonly text: string;
  /** A CSS font family. */
  readonly family: string;
  /** A CSS font weight and style; `normal` unless given. */
  readonly face?: 'normal' | 'bold' | 'italic';
  /** Font size in pixels. */
  readonly size: number;
  /** A CSS colour. */
  readonly ink: string;
}

/** A line on a page. */
export interface PlacedLine extends TextLine {
  /** Middle of its left end, in pixels. */
  readonly x: number;
  readonly y: number;
  /** Clockwise, in degrees; 0 unless given. */
  readonly degrees?: number;
  /** Turned by half a turn about its middle; false unless given. */
  readonly upsideDown?: boolean;
}

export interface TextPage {
  readonly width: number;
  readonly height: number;
  /** A CSS colour. */
  readonly ground: string;
  /** Greatest change of a colour channel by noise, 0 … 255; 0 unless given. */
  readonly noise?: number;
  /** In reading order. */
  readonly lines: readonly PlacedLine[];
}

const words = (
  'quick brown fox jumps over lazy dog river mountain garden window yellow paper music energy market station journey ' +
  'library morning evening coffee winter summer bridge castle harbour village painting history science language number ' +
  'Monday Friday January August London Madrid Vienna Lisbon Alice Robert Project Report Summary Chapter Section Volume'
).split(' ');
const families = ['sans-serif', 'serif', 'monospace'] as const;
const faces = ['normal', 'bold', 'italic'] as const;
const inks = ['#111', '#223a66', '#5a1f1f', '#1d4a2a'] as const;

/** `count` lines of words, numbers, dates, prices and addresses; the same for the same seed. */
export function textLines(count: number, seed: number): TextLine[] {
  const random = generator(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <Item>(items: readonly [Item, ...Item[]] | readonly Item[]): Item => items[below(items.length)] as Item;
  const digits = (length: number): string => Array.from({ length }, () => below(10)).join('');
  const twoDigits = (limit: number): string => String(1 + below(limit)).padStart(2, '0');
  const makers: readonly (() => string)[] = [
    () => `${pick(words)} ${pick(words)} ${pick(words)}`,
    () => `${pick(words)} ${pick(words)}, ${pick(words)}`,
    () => `Invoice No. ${digits(6)}`,
    () => `20${twoDigits(30)}-${twoDigits(12)}-${twoDigits(28)} ${twoDigits(23)}:${twoDigits(59)}`,
    () => `Total: $${1 + below(9)},${digits(3)}.${digits(2)}`,
    () => `${pick(words).toLowerCase()}@example.org`,
    () => `${pick(words)} (${digits(2)}%)`,
    () => `Room ${digits(3)}, ${pick(words)} ${pick(words)}`,
  ];
  return Array.from({ length: count }, (_, index) => ({
    text: (makers[index % makers.length] ?? pick(makers))(),
    family: pick(families),
    face: pick(faces),
    size: 22 + below(14),
    ink: pick(inks),
  }));
}

/** The lines of `textLines` on a page, one below the other. */
export function textPage(count: number, seed: number): TextPage {
  const lines = textLines(count, seed).map((line, index) => ({ ...line, x: 32, y: 40 + 52 * index }));
  return { width: 640, height: 32 + 52 * count, ground: '#fbfaf6', lines };
}

type Context = OffscreenCanvasRenderingContext2D;

function fontOf({ family, face = 'normal', size }: TextLine): string {
  return `${face === 'normal' ? '' : `${face} `}${size}px ${family}`;
}

function contextOf(width: number, height: number): Context {
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error(`The browser gave no canvas of ${width} × ${height} pixels.`);
  return context;
}

function addNoise(image: ImageData, greatest: number, seed: number): void {
  const random = generator(seed);
  for (let index = 0; index < image.data.length; index++) {
    if (index % 4 === 3) continue;
    image.data[index] = (image.data[index] ?? 0) + Math.round(greatest * (2 * random() - 1));
  }
}

/** One line alone, dark on white, with the margin that the recogniser wants: it needs no detector. */
export function drawLine(line: TextLine): ImageData {
  const measuring = contextOf(1, 1);
  measuring.font = fontOf(line);
  const margin = Math.ceil(line.size / 3);
  const width = Math.ceil(measuring.measureText(line.text).width) + 2 * margin;
  const height = Math.ceil(1.6 * line.size);
  return drawPage({ width, height, ground: '#fff', lines: [{ ...line, x: margin, y: height / 2 }] });
}

/** A page as a picture. */
export function drawPage({ width, height, ground, noise = 0, lines }: TextPage): ImageData {
  const context = contextOf(width, height);
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height);
  context.textBaseline = 'middle';
  for (const line of lines) {
    context.save();
    context.font = fontOf(line);
    context.fillStyle = line.ink;
    context.translate(line.x, line.y);
    context.rotate(((line.degrees ?? 0) * Math.PI) / 180);
    if (line.upsideDown) {
      context.translate(context.measureText(line.text).width, 0);
      context.rotate(Math.PI);
    }
    context.fillText(line.text, 0, 0);
    context.restore();
  }
  const image = context.getImageData(0, 0, width, height);
  if (noise > 0) addNoise(image, noise, width * height);
  return image;
}
