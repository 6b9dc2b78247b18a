/** The results of `bench model` as rows of text, in the terminal and in the page. */
import type { BenchModelReport, TimedModel } from './jobs/benchModel.ts';
import { formatDistribution, formatNumber } from './text.ts';

/** Heads of the columns of `modelCells`. */
export const modelColumns = ['warm ms (min–max)', 'first ms', 'load ms', 'difference', 'weight bytes', 'GPU bytes'];

/** What is told of each contender beside its name. */
export function modelCells(entry: TimedModel & { readonly gpuBytes?: number }, report: BenchModelReport): string[] {
  const facts = report.models.find(({ model }) => model === entry.model);
  const differences = entry.outputs.map(({ relativeDifference }) => relativeDifference ?? 0);
  return [
    formatDistribution(entry.milliseconds),
    formatNumber(entry.firstMilliseconds),
    formatNumber(entry.loadMilliseconds),
    entry.checked ? Math.max(0, ...differences).toPrecision(2) : '–',
    facts?.bytes.weights.toLocaleString('en') ?? '–',
    entry.gpuBytes?.toLocaleString('en') ?? '–',
  ];
}

/** What the model was run on: `x float32[1,3,48,192]`. */
export function describeInputs({ inputs }: BenchModelReport): string {
  return inputs.map(({ name, dtype, shape }) => `${name} ${dtype}[${shape}]`).join(', ');
}

/** What the times are compared with, and whether the results were. */
export function describeCheck({ peers = [] }: BenchModelReport): string {
  return peers.length > 0
    ? 'Differences are from onnxruntime-web on the CPU, running the same model, by the greatest magnitude of an output.'
    : 'The results were not compared with anything: that takes the comparison with onnxruntime-web.';
}
