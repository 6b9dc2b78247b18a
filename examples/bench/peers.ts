/** onnxruntime-web, to compare with. */
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProto_DataType } from 'onnx-buf';
import webgpuUrl from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import wasmUrl from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { InvalidInput } from '../../src/base/errors.ts';
import type { Multiplier } from '../../src/cli/jobs/benchMatmul.ts';
import type { MatmulOperands } from '../../src/cli/jobs/matmulReference.ts';
import { loadIntoOnnxRuntime, type ModelPeers, type OnnxRuntime } from '../../src/cli/jobs/modelPeers.ts';

async function openWebgpu(): Promise<OnnxRuntime> {
  const library = await import('onnxruntime-web/webgpu');
  library.env.wasm.wasmPaths = { wasm: new URL(webgpuUrl, location.href).href };
  return library;
}

/** The build that is for the CPU alone. */
async function openWasm(): Promise<OnnxRuntime> {
  const library = await import('onnxruntime-web/wasm');
  library.env.wasm.wasmPaths = { wasm: new URL(wasmUrl, location.href).href };
  return library;
}

/** Both of its ways to run a model. */
export async function openModelPeers(): Promise<ModelPeers> {
  const [onCpu, onGpu] = await Promise.all([openWasm(), openWebgpu()]);
  return {
    wasm: (source) => loadIntoOnnxRuntime(onCpu, 'wasm', source),
    webgpu: (source) => loadIntoOnnxRuntime(onGpu, 'webgpu', source),
  };
}

/**
 * An f32 `MatMul` whose weights are an initializer, as those of a real model are: they stay on the GPU.
 *
 * @throws InvalidInput when onnxruntime-web cannot be loaded, or has no WebGPU here
 */
export async function openOnnxRuntime(operands: MatmulOperands): Promise<Multiplier> {
  const { M, K, x } = operands;
  const { env, InferenceSession, Tensor } = await openWebgpu();
  env.logLevel = 'error';
  const session = await InferenceSession.create(matmulModel(operands), { executionProviders: ['webgpu'] }).catch(
    (cause: unknown) => {
      throw new InvalidInput(
        `onnxruntime-web could not be started: ${cause instanceof Error ? cause.message : cause}. It is built into the pages of a checkout only; leave the comparison out elsewhere.`,
        { cause },
      );
    },
  );
  return {
    name: `onnxruntime-web ${env.versions.web} f32 (WebGPU)`,
    async multiply() {
      const { y } = await session.run({ x: new Tensor('float32', x, [M, K]) });
      const values = await y?.getData();
      y?.dispose();
      if (!(values instanceof Float32Array)) throw new Error('onnxruntime-web gave no float32 product.');
      return values;
    },
    dispose: () => void session.release(),
  };
}

function matmulModel({ M, K, N, w }: MatmulOperands): Uint8Array {
  const { FLOAT } = TensorProto_DataType;
  const dim = (extent: number) => ({ value: { case: 'dimValue' as const, value: BigInt(extent) } });
  const matrix = (name: string, rowCount: number, columnCount: number) => ({
    name,
    type: {
      value: {
        case: 'tensorType' as const,
        value: { elemType: FLOAT, shape: { dim: [dim(rowCount), dim(columnCount)] } },
      },
    },
  });
  const model = create(ModelProtoSchema, {
    irVersion: 10n,
    opsetImport: [{ domain: '', version: 21n }],
    graph: {
      name: 'product',
      node: [{ opType: 'MatMul', name: 'product', input: ['x', 'w'], output: ['y'] }],
      input: [matrix('x', M, K)],
      output: [matrix('y', M, N)],
      initializer: [
        {
          name: 'w',
          dataType: FLOAT,
          dims: [BigInt(K), BigInt(N)],
          rawData: new Uint8Array(w.buffer, w.byteOffset, w.byteLength),
        },
      ],
    },
  });
  return toBinary(ModelProtoSchema, model);
}
