import { InvalidInput } from '../../base/errors.ts';
import type { MemoryReport } from '../../gpu/bufferPool.ts';
import type { HostTensor } from '../../graph/hostTensor.ts';
import type { FloatNode } from '../../graph/integerOnly.ts';
import type { ModelMemory } from '../../graph/model.ts';
import type { Receipt } from '../../graph/receipt.ts';
import type { SelfCheckReport } from '../../graph/selfCheck.ts';
import { loadOnnx } from '../../onnx/load.ts';
import { tensorFromNpy, tensorToNpy } from '../../onnx/npy.ts';
import type { Job } from './job.ts';
import { type ModelParameters, modelOf } from './model.ts';

/** A run of a model. */
export interface RunModelParameters extends ModelParameters {
  /** Names of the inputs given; their `.npy` files are the job's inputs named `runInput(index)`. */
  readonly names: readonly string[];
  /** Whether every node is compared with its definition on the CPU too. */
  readonly selfCheck: boolean;
  /** Whether the codes of every layer are hashed. */
  readonly receipt: boolean;
}

/** What a run gave. */
export interface RunModelReport {
  /** The outputs in the order of the model; the elements are the job's files named `runOutput(index)`. */
  readonly outputs: readonly { readonly name: string; readonly dtype: string; readonly shape: readonly number[] }[];
  /** From the inputs on the CPU to the outputs there: the first run, which also plans, and compiles shaders. */
  readonly milliseconds: number;
  /** Bytes: of the model, and of the whole engine. */
  readonly memory: ModelMemory & MemoryReport;
  readonly selfCheck?: SelfCheckReport;
  readonly receipt?: Receipt;
  /** Nodes whose floats are quantized later, which may make receipts differ between machines. */
  readonly floats?: readonly FloatNode[];
}

/** Name of the job's input that holds an input of the model. */
export const runInput = (index: number): string => `input${index}`;

/** Name of the job's file that holds an output of the model. */
export const runOutput = (index: number): string => `output${index}`;

/** Runs the model in the input `model` once. */
export const runModel: Job<RunModelParameters, RunModelReport> = {
  name: 'runModel',
  page: 'runtime.html',
  run: async (engine, parameters, { inputs, onProgress }) => {
    const { bytes, externalData } = modelOf(parameters, inputs);
    onProgress?.('reading the model');
    using model = await loadOnnx(engine, bytes, { externalData });
    const types = new Map(model.graph.inputs.map(({ name, elementType }) => [name, elementType]));
    const feeds: Record<string, HostTensor> = Object.fromEntries(
      parameters.names.map((name, index) => [
        name,
        tensorFromNpy(inputs[runInput(index)] ?? new Uint8Array(), types.get(name), `The input "${name}"`),
      ]),
    );
    onProgress?.(`running ${model.graph.nodes.length} nodes`);
    const start = performance.now();
    const results = [...model.run(feeds)];
    const tensors = await Promise.all(results.map(([, result]) => result.read()));
    const milliseconds = performance.now() - start;
    tensors.forEach(({ data }, index) => {
      const place = data.findIndex(Number.isNaN);
      if (place < 0) return;
      throw new InvalidInput(
        `The output "${results[index]?.[0]}" is NaN at element ${place}: an infinity or a quotient of zeros arose on the way. --self-check names the first node that goes astray; check the values of the inputs.`,
      );
    });
    for (const [, result] of results) result.dispose();
    const memory = { ...model.memory, ...engine.memory };
    if (parameters.selfCheck) onProgress?.('comparing each node with its definition');
    const selfCheck = parameters.selfCheck ? await model.selfCheck(feeds) : undefined;
    if (parameters.receipt) onProgress?.('hashing the codes of each layer');
    const receipt = parameters.receipt ? await model.receipt(feeds) : undefined;
    return {
      report: {
        outputs: tensors.map(({ elementType, shape }, index) => ({
          name: results[index]?.[0] ?? '',
          dtype: elementType,
          shape,
        })),
        milliseconds,
        memory,
        ...(selfCheck && { selfCheck }),
        ...(receipt && { receipt, floats: model.integerOnly.between }),
      },
      files: Object.fromEntries(tensors.map((tensor, index) => [runOutput(index), tensorToNpy(tensor)])),
    };
  },
};
