import type { Engine } from '../gpu/engine.ts';
import { Model, type ModelOptions } from '../graph/model.ts';
import { type ImportOptions, importOnnx } from './import.ts';
import { operators } from './operators/index.ts';

/**
 * Loads an ONNX model: operator sets 7–25, and 1 of com.microsoft.
 *
 * ```ts
 * const model = await loadOnnx(engine, new Uint8Array(await file.arrayBuffer()));
 * const outputs = model.run({ x: { elementType: 'float32', shape: [1, 3, 48, 192], data: pixels } });
 * const { data } = await outputs.get('y').read();
 * ```
 *
 * Nothing is computed elsewhere where Cuanta lacks an operator: that is an error here, which names all such nodes.
 *
 * @throws MalformedModel for a file that is damaged or contradicts itself, UnsupportedOperator for what Cuanta does not
 * compute, LimitExceeded for sizes and integers that it cannot hold, InvalidInput for external data that was not given
 */
export async function loadOnnx(
  engine: Engine,
  bytes: Uint8Array,
  options: ImportOptions & ModelOptions = {},
): Promise<Model> {
  return new Model(engine, importOnnx(bytes, options), operators, options);
}
