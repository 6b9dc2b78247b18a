import * as ort from 'onnxruntime-web';
import type { Graph } from '../../src/graph/graph.ts';
import { toOnnx } from '../../src/onnx/export.ts';

/** The outputs of a graph of one input x, in ONNX Runtime without graph optimisation. */
export async function runGraph(graph: Graph, data: Float32Array, shape: readonly number[]) {
  const session = await ort.InferenceSession.create(toOnnx(graph), { graphOptimizationLevel: 'disabled' });
  const results = await session.run({ x: new ort.Tensor('float32', data, shape) });
  await session.release();
  return graph.outputs.map(({ name }) => {
    const { dims, data: elements } = results[name] ?? {};
    return { dims, elements: Array.from(elements as Float32Array, Number) };
  });
}
