import { benchmark } from './benchText.ts';
import { type Command, runtimeOption } from './command.ts';
import { type BenchMatmulReport, benchMatmul, matmulTypes } from './jobs/benchMatmul.ts';
import { formatDistribution, formatNumber, ratioLines, textTable } from './text.ts';
import { choicesOption, integerOption, type ParsedOptions, UsageError } from './usage.ts';

const largestExtent = 1_000_000;
/** Elements of one operand: 1 GiB of float32. */
const largestOperand = 2 ** 28;

/** `cuanta bench matmul`: times matrix products. */
export const benchMatmulCommand: Command = {
  name: 'bench matmul',
  description: 'Time x · w, end to end, after checking it against a reference',
  options: [
    { name: '--m <rows>', description: 'Rows of x', default: 512 },
    { name: '--n <columns>', description: 'Columns of w', default: 512 },
    { name: '--k <columns>', description: 'Columns of x, rows of w', default: 512 },
    { name: '--types <list>', description: `Types of w, of ${matmulTypes.join(', ')}`, default: 'int8,f32' },
    { name: '--runs <count>', description: 'Timed runs of each type, taking turns', default: 5 },
    { name: '--seed <integer>', description: 'Seed of the operands', default: 1 },
    { name: '--peers', description: 'Time the f32 MatMul of onnxruntime-web on WebGPU in turns with ours (Chrome)' },
  ],
  example: 'bench matmul --m 512 --n 512 --k 512 --types int8,f32 --runtime chrome --peers',
  run: async (_inputs, options, reporter) => {
    const parameters = parametersOf(options);
    const runtime = runtimeOption(options) ?? (parameters.peers ? 'chrome' : undefined);
    if (parameters.peers && runtime !== 'chrome') {
      throw new UsageError('--peers needs --runtime chrome: the WebGPU backend of onnxruntime-web runs in a browser.');
    }
    return benchmark(benchMatmul, parameters, options, reporter, describe, { preferred: runtime });
  },
};

function parametersOf(options: ParsedOptions) {
  const extent = (name: string) => integerOption(options, name, 1, largestExtent);
  const [m, n, k] = [extent('m'), extent('n'), extent('k')];
  const largest = Math.max(m * k, k * n, m * n);
  if (largest > largestOperand) {
    throw new UsageError(
      `A matrix of ${m} × ${k} · ${k} × ${n} has ${largest.toLocaleString('en')} elements; at most ${largestOperand.toLocaleString('en')} are benchmarked. Choose smaller --m, --n or --k.`,
    );
  }
  return {
    m,
    n,
    k,
    types: choicesOption(options, 'types', matmulTypes),
    runs: integerOption(options, 'runs', 1, 1000),
    seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
    peers: options.peers === true,
  };
}

function describe({ cases, peers = [], ratios = [] }: BenchMatmulReport): string {
  const rows = [
    ...cases.map((entry) => ({ ...entry, kernel: entry.kernelMilliseconds?.median })),
    ...peers.map((entry) => ({ ...entry, kernel: undefined })),
  ].map(({ name, m, n, k, milliseconds, kernel, gops, checkedRows }) => [
    name,
    `${m}×${k}·${k}×${n}`,
    formatDistribution(milliseconds),
    kernel === undefined ? '–' : formatNumber(kernel),
    formatNumber(gops),
    `${checkedRows}`,
  ]);
  const header = ['product', 'size', 'milliseconds (min–max)', 'kernels ms', 'GOPS', 'rows checked'];
  return [textTable(header, rows), ...ratioLines(ratios)].join('\n');
}
