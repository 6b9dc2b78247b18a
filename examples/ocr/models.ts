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
  readonly #floatBytes: Readonly<Record<ModelRole, number>>;
  readonly #quantized = new Map<ModelRole, { readonly model: Model; readonly file: Uint8Array<ArrayBuffer> }>();

  private constructor(
    engine: Engine,
    float: OcrModels,
    keys: readonly string[],
    floatBytes: Readonly<Record<ModelRole, number>>,
  ) {
    this.engine = engine;
    this.float = float;
    this.keys = keys;
    this.#floatBytes = floatBytes;
  }

  /** Fetches and loads the float models. */
  static async load(engine: Engine, onProgress: (role: ModelRole, done: number) => void): Promise<ModelRegistry> {
    const models: Partial<Record<ModelRole, Model>> = {};
    const sizes = { detector: 0, classifier: 0, recogniser: 0 };
    for (const [index, role] of modelRoles.entries()) {
      onProgress(role, index);
      const file = await bytesAt(assets.ocr[role]);
      sizes[role] = file.length;
      models[role] = await loadOnnx(engine, file);
    }
    const { detector, classifier, recogniser } = models;
    if (!detector || !classifier || !recogniser) throw new Error('A model was not loaded.');
    const keys = readKeys(new TextDecoder().decode(await bytesAt(assets.ocr.keys)));
    return new ModelRegistry(engine, { detector, classifier, recogniser }, keys, sizes);
  }

  /** The quantized models, with the float ones where there are none; undefined without any. */
  get quantized(): OcrModels | undefined {
    const models = [...this.#quantized].map(([role, { model }]) => [role, model]);
    return models.length === 0 ? undefined : { ...this.float, ...Object.fromEntries(models) };
  }

  /** The ONNX file of the quantized model in a role, if there is one. */
  quantizedFile(role: ModelRole): Uint8Array<ArrayBuffer> | undefined {
    return this.#quantized.get(role)?.file;
  }

  /** Bytes of the three ONNX files. */
  fileBytes(of: 'float' | 'quantized'): number {
    return modelRoles.reduce((sum, role) => {
      const file = of === 'quantized' ? this.quantizedFile(role) : undefined;
      return sum + (file?.length ?? this.#floatBytes[role]);
    }, 0);
  }

  /**
   * Puts a quantized model from an ONNX file into a role.
   *
   * @throws what `loadOnnx` throws; the role then keeps what it had
   */
  async openQuantized(role: ModelRole, file: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#set(role, { model: await loadOnnx(this.engine, file), file });
  }

  /** Takes the quantized model of a role away. */
  removeQuantized(role: ModelRole): void {
    this.#set(role, undefined);
  }

  #set(
    role: ModelRole,
    quantized: { readonly model: Model; readonly file: Uint8Array<ArrayBuffer> } | undefined,
  ): void {
    this.#quantized.get(role)?.model.dispose();
    if (quantized) this.#quantized.set(role, quantized);
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
