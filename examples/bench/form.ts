/** The form of the page: what to run. */
import type { BenchKmeansParameters } from '../../src/cli/jobs/benchKmeans.ts';
import { type BenchMatmulParameters, matmulTypes } from '../../src/cli/jobs/benchMatmul.ts';
import type { BenchModelParameters } from '../../src/cli/jobs/benchModel.ts';
import { element } from '../shared/elements.ts';
import { readModelFields, startModelFields } from './modelFields.ts';

/** What the form asks for. */
export type Choice =
  | { readonly operation: 'matmul'; readonly parameters: BenchMatmulParameters }
  | { readonly operation: 'kmeans'; readonly parameters: BenchKmeansParameters }
  | {
      readonly operation: 'model';
      readonly parameters: BenchModelParameters;
      readonly inputs: Readonly<Record<string, Uint8Array>>;
    };

const form = element('form', HTMLFormElement);
const groups = {
  matmul: element('matmul', HTMLFieldSetElement),
  kmeans: element('kmeans', HTMLFieldSetElement),
  model: element('model', HTMLFieldSetElement),
};
const run = element('run', HTMLButtonElement);
const stop = element('stop', HTMLButtonElement);

/** Shows the fields of the chosen operation and hides the other's. */
function showGroup(): void {
  const operation = new FormData(form).get('operation');
  for (const [name, group] of Object.entries(groups)) {
    group.hidden = name !== operation;
    // A disabled field is neither sent nor checked.
    group.disabled = group.hidden;
  }
}

/** Where a mistake that no single field can show is told: at least one type must be chosen. */
function checkTypes(): void {
  const boxes = [...form.querySelectorAll<HTMLInputElement>('input[name="types"]')];
  const none = boxes.every((box) => !box.checked);
  boxes[0]?.setCustomValidity(none ? 'Choose at least one type.' : '');
}

/**
 * Starts the form.
 *
 * @param onRun called with what is asked for, once it is valid; rejected when a file cannot be read
 * @param onStop called when the run under way is to end
 */
export function startForm(onRun: (choice: Promise<Choice>) => void, onStop: () => void): void {
  form.addEventListener('change', () => {
    showGroup();
    checkTypes();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!run.disabled) onRun(readForm());
  });
  stop.addEventListener('click', onStop);
  startModelFields();
  // The browser may have kept the choices of an earlier visit.
  showGroup();
  checkTypes();
}

/** Enables what can be pressed. */
export function showRunning(running: boolean): void {
  run.disabled = running;
  stop.disabled = !running;
}

async function readForm(): Promise<Choice> {
  const data = new FormData(form);
  const number = (name: string) => Number(data.get(name));
  const common = { runs: number('runs'), seed: 1 };
  if (data.get('operation') === 'matmul') {
    const chosen = data.getAll('types');
    const types = matmulTypes.filter((type) => chosen.includes(type));
    const size = { m: number('m'), n: number('n'), k: number('k') };
    return { operation: 'matmul', parameters: { ...size, types, ...common, peers: data.has('matmulPeers') } };
  }
  if (data.get('operation') === 'model') {
    const { parameters, inputs } = await readModelFields();
    const { runs: repeats, seed } = common;
    return {
      operation: 'model',
      parameters: { ...parameters, repeats, seed, peers: data.has('modelPeers') },
      inputs,
    };
  }
  const size = {
    points: [number('points')],
    dimensions: [number('dimensions')],
    clusters: [number('clusters')],
    iterations: number('iterations'),
  };
  return {
    operation: 'kmeans',
    // TensorFlow.js takes seconds a round where shaders run on the CPU.
    parameters: { ...size, ...common, peers: data.has('kmeansPeers'), peerIterations: 1 },
  };
}
