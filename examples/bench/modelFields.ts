/** The part of the form about models: files, and a shape for each input of which the model leaves lengths open. */
import type { BenchModelParameters } from '../../src/cli/jobs/benchModel.ts';
import { openInputs, quantizedPrefix } from '../../src/cli/jobs/benchModel.ts';
import { importOnnx } from '../../src/onnx/import.ts';
import { element, make } from '../shared/elements.ts';

const form = element('form', HTMLFormElement);
const modelFile = element('model-file', HTMLInputElement);
const quantizedFile = element('quantized-file', HTMLInputElement);
const shapes = element('shapes', HTMLDivElement);
const choice = element('choose-model', HTMLInputElement);

const bytesOf = async (file: Blob) => new Uint8Array(await file.arrayBuffer());

/** Asks for the shapes of the model that was chosen. A file that is no model cannot be submitted. */
async function showShapes(): Promise<void> {
  const [file] = modelFile.files ?? [];
  shapes.replaceChildren();
  modelFile.setCustomValidity('');
  if (!file) return;
  try {
    const open = openInputs(importOnnx(await bytesOf(file)), []);
    // The file may have been exchanged meanwhile.
    if (modelFile.files?.[0] !== file) return;
    shapes.replaceChildren(
      ...open.map(({ name, dimensions = [] }) => {
        const known = dimensions.map((length) => (typeof length === 'number' ? length : '?')).join(',');
        const field = make('input', {
          name: 'shape',
          'data-input': name,
          value: known,
          required: '',
          pattern: '\\s*\\d+(\\s*,\\s*\\d+)*\\s*',
          title: 'Whole numbers, such as 1,3,48,192',
        });
        return make('label', {}, `Shape of ${name} `, field);
      }),
    );
  } catch (error) {
    modelFile.setCustomValidity(error instanceof Error ? error.message : String(error));
    modelFile.reportValidity();
  }
}

/** Starts the fields: files may be dropped anywhere on the form. */
export function startModelFields(): void {
  modelFile.addEventListener('change', showShapes);
  form.addEventListener('dragover', (event) => event.preventDefault());
  form.addEventListener('drop', (event) => {
    event.preventDefault();
    const files = event.dataTransfer?.files;
    if (!files || files.length === 0) return;
    choice.click();
    const target = event.target === quantizedFile ? quantizedFile : modelFile;
    target.files = files;
    target.dispatchEvent(new Event('change', { bubbles: true }));
  });
  // The browser may have kept the file of an earlier visit.
  void showShapes();
}

/** What the fields ask for, and the files. */
export async function readModelFields(): Promise<{
  readonly parameters: Omit<BenchModelParameters, 'repeats' | 'seed' | 'peers'>;
  readonly inputs: Readonly<Record<string, Uint8Array>>;
}> {
  const [model] = modelFile.files ?? [];
  const [quantized] = quantizedFile.files ?? [];
  const fields = [...shapes.querySelectorAll('input')];
  const given = fields.map((field) => [field.dataset.input ?? '', field.value.split(',').map(Number)] as const);
  return {
    parameters: {
      locations: [],
      quantized: quantized ? { locations: [] } : null,
      shapes: Object.fromEntries(given),
      names: [],
    },
    inputs: {
      ...(model && { model: await bytesOf(model) }),
      ...(quantized && { [`${quantizedPrefix}model`]: await bytesOf(quantized) }),
    },
  };
}
