/** What the jobs about models have in common. */
import { InvalidInput } from '../../base/errors.ts';
import type { Dimension, Graph, GraphValue } from '../../graph/graph.ts';
import type { ExternalData } from '../../onnx/tensor.ts';

/** The files in which the model of a job keeps tensors; their bytes are the inputs named `externalInput(index)`. */
export interface ModelParameters {
  readonly locations: readonly string[];
}

/** Name of the job's input that holds an external file. */
export const externalInput = (index: number): string => `external${index}`;

/** The bytes of the job's model, and of the files in which it keeps tensors. */
export function modelOf(
  { locations }: ModelParameters,
  inputs: Readonly<Record<string, Uint8Array>>,
): { readonly bytes: Uint8Array; readonly externalData: ExternalData } {
  const bytes = inputs.model;
  if (!bytes) throw new InvalidInput('There is no model. Hand it over as the input "model".');
  const files = locations.map((location, index) => [location, inputs[externalInput(index)] ?? new Uint8Array()]);
  return { bytes, externalData: Object.fromEntries(files) };
}

/** An input or output as it is reported: lengths that are not fixed by name, or null. */
export interface ValueReport {
  readonly name: string;
  /** Null where the model does not declare it. */
  readonly dtype: string | null;
  readonly shape: readonly (number | string | null)[] | null;
}

/** A declared input or output for a report. */
export function valueReport({ name, elementType, dimensions }: GraphValue): ValueReport {
  const shape = dimensions?.map((dimension: Dimension) => dimension ?? null) ?? null;
  return { name, dtype: elementType ?? null, shape };
}

/** Elements of an input that a job makes up: 256 MiB of float32. */
export const largestInput = 2 ** 26;

/** @throws InvalidInput for a name that no input of the graph has */
export function assertInputs({ inputs }: Pick<Graph, 'inputs'>, given: readonly string[]): void {
  const names = inputs.map(({ name }) => name);
  const unknown = given.find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new InvalidInput(`The model has no input "${unknown}"; it has ${names.map((name) => `"${name}"`).join(', ')}.`);
}
