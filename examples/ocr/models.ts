/** The models of the page. */
import { type Engine, loadOnnx, type Model } from '../../src/index.ts';
import { assets } from '../data/assets.ts';
import { bytesAt } from '../data/fetchBytes.ts';
import { type ModelRole, modelRoles, type OcrModels } from './reader.ts';
import { readKeys } from './recognition.ts';

/** Models of which each role may have a quantized one beside the float one. */
export class ModelRegistry {
  readonly engine: Engine;
  readonly float: OcrModels;
  /** Characters of the recogniser. */
  readonly keys: readonly string[];
  readonly #quantized = new Map<ModelRole, Model>();

  private constructor(engine: Engine, float: OcrModels, keys: readonly string[]) {
    this.engine = engine;
    this.float = float;
    this.keys = keys;
  }

  /** Fetches and loads the float models. */
  static async load(engine: Engine, onProgress: (role: ModelRole, done: number) => void): Promise<ModelRegistry> {
    const models: Partial<Record<ModelRole, Model>> = {};
    for (const [index, role] of modelRoles.entries()) {
      onProgress(role, index);
      models[role] = await loadOnnx(engine, await bytesAt(assets.ocr[role]));
    }
    const { detector, classifier, recogniser } = models;
    if (!detector || !classifier || !recogniser) throw new Error('A model was not loaded.');
    const keys = readKeys(new TextDecoder().decode(await bytesAt(assets.ocr.keys)));
    return new ModelRegistry(engine, { detector, classifier, recogniser }, keys);
  }

  /** The quantized models, with the float ones where there are none; undefined without any. */
  get quantized(): OcrModels | undefined {
    return this.#quantized.size === 0 ? undefined : { ...this.float, ...Object.fromEntries(this.#quantized) };
  }

  /**
   * Puts a quantized model into a role, or takes it away.
   *
   * @throws what `loadOnnx` throws; the role then keeps what it had
   */
  async setQuantized(role: ModelRole, bytes: Uint8Array | undefined): Promise<void> {
    const model = bytes && (await loadOnnx(this.engine, bytes));
    this.#quantized.get(role)?.dispose();
    if (model) this.#quantized.set(role, model);
    else this.#quantized.delete(role);
  }
}

/** Bytes of the weights of models, as they are stored. */
export function weightBytes(models: OcrModels): number {
  return modelRoles.reduce((sum, role) => sum + models[role].memory.constants, 0);
}

/** Bytes that the plans of models hold on the GPU beside their weights. */
export function planBytes(models: OcrModels): number {
  return modelRoles.reduce((sum, role) => sum + models[role].memory.plans, 0);
}
