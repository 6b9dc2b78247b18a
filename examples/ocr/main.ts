/** The page that reads pictures. Query: `sample` (name of the sample to begin with; the first unless given). */
import { Aborted } from '../../src/index.ts';
import { make } from '../bench/elements.ts';
import { clearError, element, showError } from '../demo/elements.ts';
import { openEngine } from '../demo/openEngine.ts';
import { agreement } from './difference.ts';
import { showFigures } from './figures.ts';
import { ModelRegistry } from './models.ts';
import { pairLines } from './pairing.ts';
import { type ModelRole, modelRoles, type OcrModels, type PageText, type ReadProgress, readPicture } from './reader.ts';
import { samples } from './samples.ts';
import { listenForPictures, type TakePicture } from './sources.ts';
import { drawPage } from './textSet.ts';
import { type ShownLine, View } from './view.ts';

const status = element('status', HTMLParagraphElement);
const progressBar = element('progress', HTMLProgressElement);
const copyButton = element('copy', HTMLButtonElement);
const againButton = element('again', HTMLButtonElement);
const sampleChoice = element('sample', HTMLSelectElement);
const sideChoice = element('longest-side', HTMLSelectElement);

const roleNames: Readonly<Record<ModelRole, string>> = {
  detector: 'Detector',
  classifier: 'Classifier',
  recogniser: 'Recogniser',
};

function say(text: string, done?: number): void {
  status.textContent = text;
  progressBar.classList.toggle('idle', done === undefined);
  progressBar.value = done ?? 0;
}

/** Copies text and says so; the button is where a person looks. */
async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied.`);
  } catch (error) {
    showError(new Error('The browser does not let this page copy; select the text instead.', { cause: error }));
  }
}

const view = new View((text) => copy(text, 'Line'));

/** What a reading is doing, and how far it is: finding is about a third of the work. */
function describe({ stage, done, total }: ReadProgress, which: string): [text: string, done: number] {
  if (stage === 'detect') return [`Finding lines${which} …`, 0.02];
  if (stage === 'turn') return [`Turning lines${which}: ${done} of ${total} …`, 0.3 + (0.1 * done) / total];
  return [`Reading lines${which}: ${done} of ${total} …`, 0.4 + (0.6 * done) / Math.max(total, 1)];
}

/** The picture on the page and its readings. */
class Desk {
  readonly #registry: ModelRegistry;
  #abort = new AbortController();
  #work: Promise<void> = Promise.resolve();
  #picture: ImageData | undefined;
  #expected: readonly string[] | undefined;
  #float: PageText | undefined;
  #hasRead = false;

  constructor(registry: ModelRegistry) {
    this.#registry = registry;
  }

  /** Shows a picture and reads it; what is being read is given up. */
  open(image: TakePicture, description: string, expected?: readonly string[]): void {
    this.#begin(async (signal) => {
      const picture = await image();
      this.#picture = picture;
      this.#expected = expected;
      this.#float = undefined;
      view.showPicture(picture, description);
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
        if (error instanceof Aborted) return;
        say('Not read.');
        showError(error);
      } finally {
        copyButton.disabled = view.text === '';
        againButton.disabled = this.#picture === undefined;
      }
    })();
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { engine, float, quantized, keys } = this.#registry;
    const picture = this.#picture;
    if (!picture) return;
    const readWith = async (models: OcrModels, which: string, show: (progress: ReadProgress) => void) => {
      const first = this.#hasRead ? '' : ' (compiling shaders, the first time)';
      const page = await readPicture(models, keys, picture, {
        longestSide: Number(sideChoice.value),
        signal,
        onProgress: (progress) => {
          const [text, done] = describe(progress, which);
          say(text + first, done);
          show(progress);
        },
      });
      return page;
    };
    const none = 'No text was found.';
    if (!this.#float) {
      showFigures(engine, { models: float, page: undefined }, quantized && { models: quantized, page: undefined });
      this.#float = await readWith(float, '', ({ stage, lines }) =>
        view.showLines(lines, stage === 'detect' ? '' : none),
      );
      this.#hasRead = true;
    }
    const page = this.#float;
    view.showLines(page.lines, none);
    showFigures(engine, { models: float, page }, quantized && { models: quantized, page: undefined });
    let summary = `${page.lines.length} ${page.lines.length === 1 ? 'line' : 'lines'} read`;
    if (this.#expected) {
      const { exact, total } = agreement(
        this.#expected,
        page.lines.map(({ reading }) => reading.text),
      );
      summary += `, ${exact} of ${total} exactly as drawn`;
    }
    if (quantized) {
      const other = await readWith(quantized, ' with the quantized models', () => undefined);
      const pairs = pairLines(page.lines, other.lines);
      const lines: ShownLine[] = pairs.flatMap(({ left, right }) => {
        const quad = (left ?? right)?.quad;
        return quad ? [{ quad, reading: left?.reading ?? null, quantized: right?.reading ?? null }] : [];
      });
      view.showLines(lines, none);
      showFigures(engine, { models: float, page }, { models: quantized, page: other });
      const same = pairs.filter(({ left, right }) => left?.reading.text === right?.reading.text).length;
      summary += `; ${same} of ${pairs.length} the same by the quantized models`;
    }
    say(`${summary}.`);
  }
}

function offerSamples(desk: Desk): void {
  const open = (): void => {
    const sample = samples.find(({ name }) => name === sampleChoice.value);
    if (!sample) return;
    const expected = sample.page.lines.map(({ text }) => text);
    desk.open(() => drawPage(sample.page), `The sample: ${sample.title}`, expected);
  };
  sampleChoice.addEventListener('change', open);
  open();
}

function offerQuantized(registry: ModelRegistry, desk: Desk): void {
  const inputs = modelRoles.map((role) => {
    const input = document.createElement('input');
    Object.assign(input, { type: 'file', accept: '.onnx', id: `quantized-${role}` });
    input.addEventListener('change', async () => {
      const file = input.files?.[0];
      try {
        await registry.setQuantized(role, file && new Uint8Array(await file.arrayBuffer()));
        desk.compare();
      } catch (error) {
        input.value = '';
        showError(error);
      }
    });
    return make('label', {}, roleNames[role], input);
  });
  element('model-files', HTMLDivElement).replaceChildren(...inputs);
}

async function start(): Promise<void> {
  sampleChoice.replaceChildren(...samples.map(({ name, title }) => new Option(title, name)));
  const wanted = new URLSearchParams(location.search).get('sample');
  if (samples.some(({ name }) => name === wanted)) sampleChoice.value = wanted ?? '';
  showFigures(undefined, undefined, undefined);
  const engine = await openEngine();
  const registry = await ModelRegistry.load(engine, (role, done) =>
    say(`Loading the ${role} …`, done / modelRoles.length),
  );
  const desk = new Desk(registry);
  listenForPictures((picture, description) => {
    sampleChoice.value = '';
    desk.open(picture, description);
  }, showError);
  offerQuantized(registry, desk);
  offerSamples(desk);
  copyButton.addEventListener('click', () => copy(view.text, 'Text'));
  againButton.addEventListener('click', () => desk.again());
  sideChoice.addEventListener('change', () => desk.again());
}

start().catch((error: unknown) => {
  say('Not available.');
  showError(error);
});
