/** The part of the page where models are quantized, chosen from files, and saved. */
import { element, grouped, make, showError } from '../shared/elements.ts';
import type { Desk } from './desk.ts';
import type { ModelRegistry } from './models.ts';
import {
  type Choice,
  explain,
  granularities,
  methods,
  presets,
  settled,
  summarize,
  weightCodes,
} from './quantizationChoice.ts';
import type { QuantizedFile } from './quantizeWorker.ts';
import { type ModelRole, modelRoles } from './reader.ts';

/** What a person wants to be quantized, and how. */
export interface Wanted {
  readonly roles: readonly ModelRole[];
  readonly choice: Choice;
  /** How many drawn lines to calibrate with; undefined for the picture on the page. */
  readonly drawnLines: number | undefined;
}

/** A model that was quantized. */
export interface Made extends Omit<QuantizedFile, 'file'> {
  readonly role: ModelRole;
  readonly choice: Choice;
  /** Inputs that it was calibrated with. */
  readonly inputs: number;
  readonly milliseconds: number;
}

const roleNames: Readonly<Record<ModelRole, string>> = {
  detector: 'Detector',
  classifier: 'Classifier',
  recogniser: 'Recogniser',
};

/** The preset that stands for settings which are none. */
const own = 'own';

/** What is said of each quantized model. */
type Notes = Map<ModelRole, string>;

const notesList = element('quantized-models', HTMLUListElement);
const roleChoice = element('quantize-roles', HTMLFieldSetElement);
const presetChoice = element('preset', HTMLSelectElement);
const materialChoice = element('material', HTMLSelectElement);
const methodChoice = element('method', HTMLSelectElement);
const weightBitsChoice = element('weight-bits', HTMLSelectElement);
const granularityChoice = element('granularity', HTMLSelectElement);
const codesChoice = element('weight-codes', HTMLSelectElement);
const activationBitsChoice = element('activation-bits', HTMLSelectElement);
const signedChoice = element('activations', HTMLSelectElement);
const biasChoice = element('correct-bias', HTMLInputElement);

/** What is chosen, without contradictions. */
function chosen(): Choice {
  const named = <Key>(titles: readonly (readonly [Key, string])[], { selectedIndex }: HTMLSelectElement): Key => {
    const [name] = titles[selectedIndex] ?? titles[0] ?? [];
    if (name === undefined) throw new Error('There is nothing to choose from.');
    return name;
  };
  const activationBits = activationBitsChoice.value;
  return settled({
    method: named(methods, methodChoice),
    weightBits: Number(weightBitsChoice.value),
    granularity: named(granularities, granularityChoice),
    codes: named(weightCodes, codesChoice),
    activationBits: activationBits === 'float' ? 'float' : Number(activationBits),
    signed: signedChoice.value === 'int8',
    correctBias: biasChoice.checked,
  });
}

/** Shows a choice in the settings, says what it means, and lets only be chosen what matters then. */
function show(choice: Choice): void {
  const { method, weightBits, granularity, codes, activationBits, signed, correctBias } = choice;
  methodChoice.value = method;
  weightBitsChoice.value = String(weightBits);
  granularityChoice.value = granularity;
  codesChoice.value = codes;
  activationBitsChoice.value = String(activationBits);
  signedChoice.value = signed ? 'int8' : 'uint8';
  biasChoice.checked = correctBias;
  weightBitsChoice.disabled = codes === 'nf4';
  activationBitsChoice.disabled = codes === 'nf4' || codes === 'codebook';
  for (const setting of [methodChoice, signedChoice]) setting.disabled = activationBits === 'float';
  element('explanation', HTMLParagraphElement).textContent = explain(choice);
}

/** Fills the settings, and keeps them and the presets together. */
function listenForChoices(): void {
  const fill = (select: HTMLSelectElement, titles: readonly (readonly [string, string])[]): void =>
    select.replaceChildren(...titles.map(([name, title]) => new Option(title, name)));
  const down = (from: number, to: number): [string, string][] =>
    Array.from({ length: from - to + 1 }, (_, index) => [`${from - index}`, `${from - index} bits`]);
  fill(methodChoice, methods);
  fill(granularityChoice, granularities);
  fill(codesChoice, weightCodes);
  fill(weightBitsChoice, down(8, 2));
  fill(activationBitsChoice, [...down(8, 4), ['float', 'float']]);
  fill(presetChoice, [...presets.map(([name, title]) => [name, title] as const), [own, 'as set below']]);
  const choosePreset = (): void => {
    const [, , choice] = presets.find(([name]) => name === presetChoice.value) ?? [];
    if (choice) show(choice);
    else element('settings', HTMLDetailsElement).open = true;
  };
  presetChoice.addEventListener('change', choosePreset);
  element('settings', HTMLDetailsElement).addEventListener('change', () => {
    const choice = chosen();
    show(choice);
    const same = presets.find(([, , preset]) => JSON.stringify(preset) === JSON.stringify(choice));
    presetChoice.value = same?.[0] ?? own;
  });
  choosePreset();
}

function wanted(): Wanted {
  const checked = new Set([...roleChoice.querySelectorAll('input:checked')].map(({ id }) => id));
  return {
    roles: modelRoles.filter((role) => checked.has(`quantize-${role}`)),
    choice: chosen(),
    drawnLines: materialChoice.value === 'picture' ? undefined : Number(materialChoice.value),
  };
}

function describe({ choice, quantized, skipped, inputs, milliseconds }: Made): string {
  const products = skipped.length === 0 ? '' : `, ${skipped.length} products stayed in float`;
  const seconds = (milliseconds / 1000).toFixed(1);
  return `${summarize(choice)}; ${quantized.length} nodes read codes${products}; ${inputs} ${inputs === 1 ? 'input' : 'inputs'} in ${seconds} s`;
}

function save(role: ModelRole, file: Uint8Array<ArrayBuffer>): void {
  const url = URL.createObjectURL(new Blob([file], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  Object.assign(link, { href: url, download: `${role}.quantized.onnx` });
  link.click();
  URL.revokeObjectURL(url);
}

function showNotes(registry: ModelRegistry, notes: Notes): void {
  const items = modelRoles.flatMap((role) => {
    const file = registry.quantizedFile(role);
    if (!file) return [];
    const button = make('button', { type: 'button', id: `save-${role}` }, `Save (${grouped(file.length)} bytes)`);
    button.addEventListener('click', () => save(role, file));
    return [make('li', {}, make('span', {}, `${roleNames[role]}: ${notes.get(role) ?? ''}`), button)];
  });
  notesList.replaceChildren(...items);
  element('remove', HTMLButtonElement).disabled = items.length === 0;
}

/** Lets models be quantized, chosen from files, saved and taken away. */
export function listenForQuantization(registry: ModelRegistry, desk: Desk): void {
  const notes: Notes = new Map();
  roleChoice.append(
    ...modelRoles.map((role) => {
      const box = document.createElement('input');
      Object.assign(box, { type: 'checkbox', id: `quantize-${role}`, checked: true });
      return make('label', {}, box, roleNames[role]);
    }),
  );
  listenForChoices();
  const quantize = element('quantize', HTMLButtonElement);
  quantize.disabled = false;
  element('quantization', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    const choice = wanted();
    if (choice.roles.length === 0) {
      showError(new Error('No model is chosen; choose at least one to quantize.'));
      return;
    }
    desk.quantize(choice, (made) => {
      notes.set(made.role, describe(made));
      showNotes(registry, notes);
    });
  });
  element('stop', HTMLButtonElement).addEventListener('click', () => desk.stop());
  const files = modelRoles.map((role) => {
    const input = document.createElement('input');
    Object.assign(input, { type: 'file', accept: '.onnx', id: `quantized-${role}` });
    input.addEventListener('change', () => {
      const file = input.files?.[0];
      if (!file) return;
      desk.exchange(async () => {
        const bytes = new Uint8Array(await file.arrayBuffer());
        // So that the same file can be chosen again.
        input.value = '';
        await registry.openQuantized(role, bytes);
        notes.set(role, file.name);
        showNotes(registry, notes);
      });
    });
    return make('label', {}, roleNames[role], input);
  });
  element('model-files', HTMLDivElement).replaceChildren(...files);
  element('remove', HTMLButtonElement).addEventListener('click', () =>
    desk.exchange(() => {
      for (const role of modelRoles) registry.removeQuantized(role);
      showNotes(registry, notes);
    }),
  );
}
