/** What the page does with its picture: it reads it, quantizes models, and compares. */
import { breathe } from '../../src/base/pieces.ts';
import { Aborted, type Model } from '../../src/index.ts';
import { clearError, element, showError } from '../shared/elements.ts';
import { agreement } from './difference.ts';
import { showDifferences, showFigures } from './figures.ts';
import type { ModelRegistry } from './models.ts';
import { differencesOf, pairLines } from './pairing.ts';
import { calibrationInputs, drawnMaterial, pictureMaterial, type QuantizeStage, quantizeRole } from './quantization.ts';
import { optionsOf } from './quantizationChoice.ts';
import type { Made, Wanted } from './quantizationPanel.ts';
import { type OcrModels, type PageText, type ReadProgress, readPicture } from './reader.ts';
import type { TakePicture } from './sources.ts';
import type { ShownLine, View } from './view.ts';

const status = element('status', HTMLParagraphElement);
const progressBar = element('progress', HTMLProgressElement);
const copyButton = element('copy', HTMLButtonElement);
const againButton = element('again', HTMLButtonElement);
const sideChoice = element('longest-side', HTMLSelectElement);

/**
 * Says what is being done, or was.
 *
 * @param done how much of it, 0 … 1; absent when nothing is
 */
export function say(text: string, done?: number): void {
  status.textContent = text;
  progressBar.classList.toggle('idle', done === undefined);
  progressBar.value = done ?? 0;
}

const stageNames: Readonly<Record<QuantizeStage, string>> = {
  ranges: 'Finding ranges of',
  layers: 'Observing the layers of',
  preparation: 'Preparing the weights of',
  weights: 'Rounding the weights of',
};

/** What a reading is doing, and how far it is: finding is about a third of the work. */
function describe({ stage, done, total }: ReadProgress, which: string): [text: string, done: number] {
  if (stage === 'detect') return [`Finding lines${which} …`, 0.02];
  if (stage === 'turn') return [`Turning lines${which}: ${done} of ${total} …`, 0.3 + (0.1 * done) / total];
  return [`Reading lines${which}: ${done} of ${total} …`, 0.4 + (0.6 * done) / Math.max(total, 1)];
}

/** The picture on the page and its readings. */
export class Desk {
  readonly #registry: ModelRegistry;
  readonly #view: View;
  #abort = new AbortController();
  #work: Promise<void> = Promise.resolve();
  #picture: ImageData | undefined;
  #expected: readonly string[] | undefined;
  #float: PageText | undefined;
  /** Recognisers that have read, for which shaders are compiled. */
  readonly #warm = new WeakSet<Model>();

  constructor(registry: ModelRegistry, view: View) {
    this.#registry = registry;
    this.#view = view;
  }

  /** Shows a picture and reads it; what is being read is given up. */
  open(image: TakePicture, description: string, expected?: readonly string[]): void {
    this.#begin(async (signal) => {
      const picture = await image();
      this.#picture = picture;
      this.#expected = expected;
      this.#float = undefined;
      this.#view.showPicture(picture, description);
      await this.#read(signal);
    });
  }

  /** Reads the picture anew. */
  again(): void {
    this.#float = undefined;
    this.compare();
  }

  /** Reads the picture with the models that have not read it. */
  compare(): void {
    if (this.#picture) this.#begin((signal) => this.#read(signal));
  }

  /** Gives up what is being done. */
  stop(): void {
    this.#abort.abort();
  }

  /**
   * Quantizes models and reads the picture with them.
   *
   * @param onMade told of each
   */
  quantize({ roles, choice, drawnLines }: Wanted, onMade: (made: Made) => void): void {
    this.#begin(async (signal) => {
      if (drawnLines === undefined && !this.#float) await this.#read(signal);
      const picture = this.#picture;
      const quads = this.#float?.lines.map(({ quad }) => quad) ?? [];
      const material =
        drawnLines !== undefined || !picture ? drawnMaterial(drawnLines ?? 8) : pictureMaterial(picture, quads);
      for (const [index, role] of roles.entries()) {
        const step = (done: number): number => (index + done) / roles.length;
        say(`Preparing to quantize the ${role} …`, step(0));
        await breathe();
        const start = performance.now();
        const inputs = calibrationInputs(role, material, Number(sideChoice.value));
        const { file, ...made } = await quantizeRole(this.#registry.float[role], inputs, {
          method: choice.method,
          quantization: optionsOf(choice),
          signal,
          onProgress: (stage, done) =>
            say(`${stageNames[stage]} the ${role}: ${Math.floor(100 * step(done))} % …`, step(done)),
        });
        await this.#registry.openQuantized(role, file);
        onMade({ role, choice, ...made, inputs: inputs.length, milliseconds: performance.now() - start });
      }
      if (picture) await this.#read(signal);
      else say('Quantized.');
    });
  }

  /** Changes the quantized models, once nothing runs on them, and reads the picture with what is there then. */
  exchange(change: () => Promise<void> | void): void {
    this.#begin(async (signal) => {
      await change();
      if (this.#picture) await this.#read(signal);
    });
  }

  #begin(work: (signal: AbortSignal) => Promise<void>): void {
    this.#abort.abort();
    const abort = new AbortController();
    this.#abort = abort;
    const before = this.#work;
    this.#work = (async () => {
      await before;
      if (abort.signal.aborted) return;
      clearError();
      for (const button of [copyButton, againButton]) button.disabled = true;
      try {
        await work(abort.signal);
      } catch (error) {
        if (!(error instanceof Aborted)) {
          say('Not done.');
          showError(error);
        } else if (this.#abort === abort) {
          say('Stopped.');
        }
      } finally {
        copyButton.disabled = this.#view.text === '';
        againButton.disabled = this.#picture === undefined;
      }
    })();
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { float, quantized, keys } = this.#registry;
    const picture = this.#picture;
    if (!picture) return;
    const readWith = async (models: OcrModels, which: string, show: (progress: ReadProgress) => void) => {
      const first = this.#warm.has(models.recogniser) ? '' : ' (compiling shaders, the first time)';
      const page = await readPicture(models, keys, picture, {
        longestSide: Number(sideChoice.value),
        signal,
        onProgress: (progress) => {
          const [text, done] = describe(progress, which);
          say(text + first, done);
          show(progress);
        },
      });
      this.#warm.add(models.recogniser);
      return page;
    };
    const none = 'No text was found.';
    if (!this.#float) {
      showFigures(this.#registry);
      this.#float = await readWith(float, '', ({ stage, lines }) =>
        this.#view.showLines(lines, stage === 'detect' ? '' : none),
      );
    }
    const page = this.#float;
    showDifferences(undefined);
    this.#view.showLines(page.lines, none);
    showFigures(this.#registry, { float: page });
    let summary = `${page.lines.length} ${page.lines.length === 1 ? 'line' : 'lines'} read`;
    if (this.#expected) {
      const { exact, total } = agreement(
        this.#expected,
        page.lines.map(({ reading }) => reading.text),
      );
      summary += `, ${exact} of ${total} exactly as drawn`;
    }
    if (quantized) {
      const isFirst = !this.#warm.has(quantized.recogniser);
      const other = await readWith(quantized, ' with the quantized models', () => undefined);
      const pairs = pairLines(page.lines, other.lines);
      const lines: ShownLine[] = pairs.flatMap(({ left, right }) => {
        const quad = (left ?? right)?.quad;
        return quad
          ? [{ quad, quantizedQuad: right?.quad, reading: left?.reading ?? null, quantized: right?.reading ?? null }]
          : [];
      });
      this.#view.showLines(lines, none);
      showFigures(this.#registry, { float: page, quantized: other });
      const differences = differencesOf(pairs);
      showDifferences(differences);
      summary += `; ${differences.alike} of ${differences.lines} the same by the quantized models`;
      if (isFirst) summary += ' (whose first time includes compiling: read again to compare)';
    }
    say(`${summary}.`);
  }
}
