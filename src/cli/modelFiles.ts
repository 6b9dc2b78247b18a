/** A model and the files beside it, read for a job. Node only. */
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { InvalidInput } from '../base/errors.ts';
import { externalFiles } from '../onnx/externalFiles.ts';
import { readInput } from './inputFiles.ts';
import { quantizedPrefix } from './jobs/benchModel.ts';
import { externalInput, type ModelParameters } from './jobs/model.ts';

/** The parameters and inputs of a job that stand for a model. */
export interface ModelFiles {
  readonly parameters: ModelParameters;
  readonly inputs: Readonly<Record<string, Uint8Array>>;
}

/**
 * Reads a model, and from its folder the files in which it keeps tensors.
 * @throws InvalidInput for a file that cannot be read or lies elsewhere; MalformedModel for a damaged model
 */
export function readModel(file: string): ModelFiles {
  const model = readInput(file, 'Name an .onnx file.');
  const locations = externalFiles(model);
  const folder = dirname(file);
  const external = locations.map((location, index) => {
    const path = normalize(location);
    // The name is the model's word: it may not lead out of the model's folder.
    if (isAbsolute(path) || path.split(/[\\/]/).includes('..')) {
      throw new InvalidInput(
        `${file} keeps tensors in ${JSON.stringify(location)}, outside of its folder. Move it there.`,
      );
    }
    return [externalInput(index), readInput(join(folder, path), `${file} keeps tensors there.`)] as const;
  });
  return { parameters: { locations }, inputs: { model, ...Object.fromEntries(external) } };
}

/** `readModel` for a quantized model that a job takes beside another: its inputs are named with `quantizedPrefix`. */
export function readQuantizedModel(file: string): ModelFiles {
  const { parameters, inputs } = readModel(file);
  const named = Object.entries(inputs).map(([name, bytes]) => [`${quantizedPrefix}${name}`, bytes] as const);
  return { parameters, inputs: Object.fromEntries(named) };
}
