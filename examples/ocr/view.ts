/** The picture with boxes over it, and its lines of text beside it: to point at the one lights the other. */
import { element, make } from '../shared/elements.ts';
import { compareTexts, type Piece } from './difference.ts';
import type { Quad } from './geometry.ts';
import type { LineText } from './recognition.ts';

/** A line as it is shown. */
export interface ShownLine {
  readonly quad: Quad;
  /** Where the quantized models found it; absent where they did not. */
  readonly quantizedQuad?: Quad | undefined;
  /** Undefined until it is read, null where a model found no such line. */
  readonly reading: LineText | undefined | null;
  /** What the quantized models read: null where they found no such line, undefined without such models. */
  readonly quantized?: LineText | undefined | null;
}

const nothing = '(nothing)';

function textOf(reading: LineText | undefined | null): string {
  if (reading === undefined) return '…';
  return reading?.text || nothing;
}

function marked(pieces: readonly Piece[]): (string | Node)[] {
  if (pieces.length === 0) return [nothing];
  return pieces.map(({ text, differs }) => (differs ? make('mark', {}, text) : text));
}

/** The content of a line in the list. */
function contentOf({ reading, quantized }: ShownLine): HTMLElement[] {
  const sure = make('span', { class: 'sure' }, reading ? `${(100 * reading.confidence).toFixed(0)} %` : '');
  if (quantized === undefined) return [make('span', {}, textOf(reading)), sure];
  const [left, right] = [reading?.text ?? '', quantized?.text ?? ''];
  if (left === right)
    return [make('span', {}, textOf(reading)), sure, make('span', { class: 'other same' }, 'quantized: the same')];
  const pieces = compareTexts(left, right);
  const otherSure = quantized ? `${(100 * quantized.confidence).toFixed(0)} %` : '';
  return [
    make('span', {}, ...marked(pieces.left)),
    sure,
    make('span', { class: 'other' }, ...marked(pieces.right)),
    make('span', { class: 'sure', title: 'quantized' }, otherSure),
  ];
}

/** Shows pictures and lines. */
export class View {
  readonly #canvas = element('picture', HTMLCanvasElement);
  readonly #list = element('lines', HTMLOListElement);
  readonly #boxes: SVGSVGElement;
  readonly #onCopy: (text: string) => void;
  #lines: readonly ShownLine[] = [];
  /** Of each line: where the models found it, and where the quantized ones did. */
  #polygons: readonly (readonly SVGPolygonElement[])[] = [];

  /** @param onCopy called with the text of a line that is pressed */
  constructor(onCopy: (text: string) => void) {
    const boxes = document.querySelector('#boxes');
    if (!(boxes instanceof SVGSVGElement)) throw new Error('index.html has no svg with id "boxes".');
    this.#boxes = boxes;
    this.#onCopy = onCopy;
  }

  /** Shows a picture, without lines. */
  showPicture(image: ImageData, description: string): void {
    const { width, height } = image;
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#canvas.getContext('2d')?.putImageData(image, 0, 0);
    this.#canvas.ariaLabel = description;
    this.#boxes.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.showLines([], '');
  }

  /**
   * Shows lines.
   *
   * @param empty what stands in the list when there are none
   */
  showLines(lines: readonly ShownLine[], empty: string): void {
    const focused = [...this.#list.querySelectorAll('button')].indexOf(document.activeElement as HTMLButtonElement);
    this.#lines = lines;
    this.#polygons = lines.map((line, index) => this.#boxesOf(line, index));
    this.#boxes.replaceChildren(...this.#polygons.flat());
    this.#list.replaceChildren(
      ...(lines.length > 0
        ? lines.map((line, index) => make('li', {}, this.#button(line, index)))
        : [make('li', { class: 'empty' }, empty)]),
    );
    if (focused >= 0) this.#list.querySelectorAll('button')[focused]?.focus({ preventScroll: true });
  }

  /** The text of all lines. */
  get text(): string {
    return this.#lines.flatMap(({ reading }) => (reading ? [reading.text] : [])).join('\n');
  }

  #button(line: ShownLine, index: number): HTMLElement {
    const button = make('button', { class: 'line', type: 'button', title: 'Copy this line' }, ...contentOf(line));
    button.addEventListener('click', () => this.#onCopy(line.reading?.text ?? ''));
    for (const event of ['mouseenter', 'focus']) button.addEventListener(event, () => this.#light(index));
    for (const event of ['mouseleave', 'blur']) button.addEventListener(event, () => this.#light(undefined));
    return button;
  }

  #boxesOf({ quad, quantizedQuad, reading }: ShownLine, index: number): SVGPolygonElement[] {
    const kind = reading === undefined ? 'unread' : reading === null ? 'quantized' : 'float';
    const isSecond = quantizedQuad && reading !== null;
    return [this.#box(quad, kind, index), ...(isSecond ? [this.#box(quantizedQuad, 'quantized', index)] : [])];
  }

  #box(quad: Quad, kind: 'float' | 'quantized' | 'unread', index: number): SVGPolygonElement {
    const polygon = document.createElementNS('http://www.w3.org/2000/svg', 'polygon');
    polygon.setAttribute('points', quad.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' '));
    polygon.classList.add(kind);
    polygon.addEventListener('mouseenter', () => {
      this.#light(index);
      this.#list.children[index]?.scrollIntoView({ block: 'nearest' });
    });
    polygon.addEventListener('mouseleave', () => this.#light(undefined));
    return polygon;
  }

  #light(index: number | undefined): void {
    const buttons = [...this.#list.querySelectorAll('button')].map((button) => [button]);
    for (const shown of [this.#polygons, buttons]) {
      for (const [position, elements] of shown.entries()) {
        for (const one of elements) one.classList.toggle('lit', position === index);
      }
    }
  }
}
