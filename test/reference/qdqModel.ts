import * as ort from 'onnxruntime-web';
import type { Graph } from '../../src/graph/graph.ts';
import { type ElementType, type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { toOnnx } from '../../src/onnx/export.ts';

/** The outputs of a graph as ONNX Runtime computes them (WebAssembly), by name: QDQ becomes integer operators there too. */
export async function runFused(
  graph: Graph,
  inputs: Readonly<Record<string, HostTensor>>,
): Promise<ReadonlyMap<string, HostTensor>> {
  const session = await ort.InferenceSession.create(toOnnx(graph), {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  });
  try {
    const feeds = Object.entries(inputs).map(([name, { elementType, data, shape }]) => {
      return [name, new ort.Tensor(elementType as 'float32', data as Float32Array, shape)] as const;
    });
    const results = await session.run(Object.fromEntries(feeds));
    return new Map(
      graph.outputs.map(({ name }) => {
        const result = results[name];
        if (!result) throw new Error(`ONNX Runtime gave no output "${name}".`);
        return [name, hostTensor(result.type as ElementType, result.dims, result.data as Float32Array)];
      }),
    );
  } finally {
    await session.release();
  }
}
