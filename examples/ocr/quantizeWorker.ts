/** Rounds the weights of a model on the CPU, aside from the page, which stays responsive: takes a task, says how far it is, and answers. */
import { describeError, type ErrorDescription } from '../../src/cli/jobs/job.ts';
import { neededOpset } from '../../src/graph/quantization/options.ts';
import { quantizeGraph } from '../../src/graph/quantization/quantizeGraph.ts';
import { type CalibrationStatistics, type Model, type QuantizeModelOptions, toOnnx } from '../../src/index.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { upgradeGraph } from '../../src/onnx/upgrade.ts';

/** A graph to be quantized, and how. */
export interface QuantizeTask {
  readonly source: Model['source'];
  readonly statistics: CalibrationStatistics | undefined;
  readonly options: QuantizeModelOptions;
}

/** A quantized model as a file, and what `quantizeModel` says of it. */
export interface QuantizedFile {
  readonly file: Uint8Array<ArrayBuffer>;
  readonly quantized: readonly string[];
  readonly skipped: readonly { readonly node: string; readonly reason: string }[];
}

/** What the worker says: how much is done, 0 … 1; at last the result, or why there is none. */
export type QuantizeAnswer = QuantizedFile | { readonly done: number } | { readonly error: ErrorDescription };

function quantize({ source, statistics, options }: QuantizeTask): QuantizedFile {
  const upgraded = upgradeGraph(source, neededOpset(options));
  const tell = (nodes: number, all: number): void => answer({ done: nodes / all });
  const { graph, quantized, skipped } = quantizeGraph(upgraded, operators, statistics, options, tell);
  return { file: toOnnx(graph), quantized, skipped };
}

const answer = (said: QuantizeAnswer): void => postMessage(said);

addEventListener('message', ({ data }: MessageEvent<QuantizeTask>) => {
  try {
    answer(quantize(data));
  } catch (error) {
    answer({ error: describeError(error) });
  }
});
