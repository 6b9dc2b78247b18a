/** The page that reads pictures. Query: `sample` (name of the sample to begin with; the first unless given). */
import { element, showError } from '../shared/elements.ts';
import { openEngine } from '../shared/openEngine.ts';
import { Desk, say } from './desk.ts';
import { showFigures } from './figures.ts';
import { ModelRegistry } from './models.ts';
import { listenForQuantization } from './quantizationPanel.ts';
import { modelRoles } from './reader.ts';
import { samples } from './samples.ts';
import { listenForPictures } from './sources.ts';
import { drawPage } from './textSet.ts';
import { View } from './view.ts';

const sampleChoice = element('sample', HTMLSelectElement);

/** Copies text and says so; the button is where a person looks. */
async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied.`);
  } catch (error) {
    showError(new Error('The browser does not let this page copy; select the text instead.', { cause: error }));
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

async function start(): Promise<void> {
  sampleChoice.replaceChildren(...samples.map(({ name, title }) => new Option(title, name)));
  const wanted = new URLSearchParams(location.search).get('sample');
  if (samples.some(({ name }) => name === wanted)) sampleChoice.value = wanted ?? '';
  showFigures(undefined);
  const engine = await openEngine();
  const view = new View((text) => copy(text, 'Line'));
  const registry = await ModelRegistry.load(engine, (role, done) =>
    say(`Loading the ${role} …`, done / modelRoles.length),
  );
  const desk = new Desk(registry, view);
  listenForPictures((picture, description) => {
    sampleChoice.value = '';
    desk.open(picture, description);
  }, showError);
  listenForQuantization(registry, desk);
  offerSamples(desk);
  element('copy', HTMLButtonElement).addEventListener('click', () => copy(view.text, 'Text'));
  element('again', HTMLButtonElement).addEventListener('click', () => desk.again());
  element('longest-side', HTMLSelectElement).addEventListener('change', () => desk.again());
}

start().catch((error: unknown) => {
  say('Not available.');
  showError(error);
});
