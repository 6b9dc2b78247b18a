/** Other libraries that run models, behind one interface: what `bench model` compares with. */
import type * as onnxRuntime from 'onnxruntime-web';
import { InvalidInput } from '../../base/errors.ts';
import { halfToNumber, numberToHalf } from '../../base/half.ts';
import { bitsOf, type ElementType, type HostTensor, hostTensor } from '../../graph/hostTensor.ts';
import type { ExternalData } from '../../onnx/tensor.ts';

/** A model as its files. */
export interface ModelSource {
  readonly bytes: Uint8Array;
  readonly externalData: ExternalData;
}

/** A loaded model. */
export interface ModelRunner {
  /** Who runs it, and where. */
  readonly name: string;
  /** From inputs on the CPU to outputs there. */
  run(feeds: Readonly<Record<string, HostTensor>>): Promise<ReadonlyMap<string, HostTensor>>;
  dispose(): void;
}

/** Loads a model into a library. */
export type LoadModel = (source: ModelSource) => Promise<ModelRunner>;

/** The libraries to compare with. */
export interface ModelPeers {
  /** Computes on the CPU, and says what is right. */
  readonly wasm: LoadModel;
  /** Computes on the GPU; undefined where there is none to compare with. */
  readonly webgpu: LoadModel | undefined;
}

/** The part of onnxruntime-web that is used here. Its builds differ in what they compute on. */
export type OnnxRuntime = Pick<typeof onnxRuntime, 'env' | 'InferenceSession' | 'Tensor'>;

/**
 * Loads a model into ONNX Runtime Web, with all of its graph optimizations.
 *
 * @throws InvalidInput when it cannot be started or refuses the model
 */
export async function loadIntoOnnxRuntime(
  { env, InferenceSession, Tensor }: OnnxRuntime,
  provider: 'wasm' | 'webgpu',
  { bytes, externalData }: ModelSource,
): Promise<ModelRunner> {
  env.logLevel = 'error';
  const files = Object.entries(externalData).map(([path, data]) => ({ path, data }));
  const session = await InferenceSession.create(bytes, {
    executionProviders: [provider],
    ...(files.length > 0 && { externalData: files }),
  }).catch((cause: unknown) => {
    throw new InvalidInput(
      `onnxruntime-web could not load the model: ${cause instanceof Error ? cause.message : cause}. Leave the comparison out.`,
      { cause },
    );
  });
  const place = provider === 'webgpu' ? 'WebGPU' : `WASM, threads: ${env.wasm.numThreads ?? 1}`;
  return {
    name: `onnxruntime-web ${env.versions.web} (${place})`,
    async run(feeds) {
      const inputs = Object.entries(feeds).map(([name, { elementType, shape, data }]) => {
        // The name of a type and its array belong together, which the types of this constructor cannot say.
        const type = elementType as 'float32';
        return [name, new Tensor(type, nativeArray({ elementType, data }) as Float32Array, shape)] as const;
      });
      const results = await session.run(Object.fromEntries(inputs));
      return new Map(
        Object.entries(results).map(([name, { type, dims, data }]) => [name, fromNative(type, dims, data)]),
      );
    },
    dispose: () => void session.release(),
  };
}

/** Elements in the array in which ONNX Runtime takes them. @throws InvalidInput for types that it has no array for */
function nativeArray({ elementType, data }: Pick<HostTensor, 'elementType' | 'data'>): ArrayBufferView {
  if (elementType === 'int64') return BigInt64Array.from(data, BigInt);
  if (elementType === 'uint64') return BigUint64Array.from(data, BigInt);
  if (elementType === 'float16') return Uint16Array.from(data, numberToHalf);
  if (bitsOf(elementType) < 8) {
    throw new InvalidInput(
      `onnxruntime-web takes no inputs of type ${elementType} from JavaScript. Leave the comparison out.`,
    );
  }
  return data;
}

function fromNative(type: string, dims: readonly number[], data: onnxRuntime.Tensor['data']): HostTensor {
  const isHalfBits = type === 'float16' && data instanceof Uint16Array;
  const values = Array.from(data as ArrayLike<number | bigint>, (value) =>
    isHalfBits ? halfToNumber(Number(value)) : Number(value),
  );
  // Its names of types are ours.
  return hostTensor(type as ElementType, dims, values);
}
