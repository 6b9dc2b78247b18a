/** The part of the page where models are quantized, chosen from files, and saved. */
import type { CalibrationMethod, QuantizedModel, QuantizeModelOptions } from '../../src/index.ts';
import { element, grouped, make, showError } from '../shared/elements.ts';
import type { Desk } from './desk.ts';
import type { ModelRegistry } from './models.ts';
import { type ModelRole, modelRoles } from './reader.ts';

/** What a person wants to be quantized, and how. */
export interface Wanted {
  readonly roles: readonly ModelRole[];
  readonly method: CalibrationMethod;
  readonly quantization: QuantizeModelOptions;
  /** How many drawn lines to calibrate with; undefined for the picture on the page. */
  readonly drawnLines: number | undefined;
}

/** A model that was quantized. */
export interface Made {
  readonly role: ModelRole;
  readonly quantized: QuantizedModel;
  /** Inputs that it was calibrated with. */
  readonly inputs: number;
  readonly milliseconds: number;
}

const roleNames: Readonly<Record<ModelRole, string>> = {
  detector: 'Detector',
  classifier: 'Classifier',
  recogniser: 'Recogniser',
};

const methods: readonly (readonly [CalibrationMethod, string])[] = [
  ['minmax', 'least to greatest'],
  ['moving-average', 'moving average'],
];

/** What is said of each quantized model. */
type Notes = Map<ModelRole, string>;

const notesList = element('quantized-models', HTMLUListElement);
const roleChoice = element('quantize-roles', HTMLFieldSetElement);
const methodChoice = element('method', HTMLSelectElement);
const materialChoice = element('material', HTMLSelectElement);

function wanted(): Wanted {
  const value = (id: string): string => element(id, HTMLSelectElement).value;
  const checked = new Set([...roleChoice.querySelectorAll('input:checked')].map(({ id }) => id));
  const [method] = methods.find(([name]) => name === methodChoice.value) ?? ['minmax'];
  return {
    roles: modelRoles.filter((role) => checked.has(`quantize-${role}`)),
    method,
    quantization: {
      weights: { granularity: value('granularity') === 'tensor' ? 'tensor' : 'channel' },
      activations: { signed: value('activations') === 'int8' },
    },
    drawnLines: materialChoice.value === 'picture' ? undefined : Number(materialChoice.value),
  };
}

function describe({ quantized: { quantized, skipped }, inputs, milliseconds }: Made): string {
  const products = skipped.length === 0 ? '' : `, ${skipped.length} products stayed in float`;
  const seconds = (milliseconds / 1000).toFixed(1);
  return `${quantized.length} nodes read 8-bit codes${products}; ${inputs} ${inputs === 1 ? 'input' : 'inputs'} in ${seconds} s`;
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
  methodChoice.replaceChildren(...methods.map(([name, title]) => new Option(title, name)));
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
