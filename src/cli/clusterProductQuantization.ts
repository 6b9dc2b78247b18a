import { type Command, perform, runtimeOption } from './command.ts';
import { clusterProductQuantization } from './jobs/clusterProductQuantization.ts';
import { ArrayOutputs, columnsOption, headerOption, readPointFile } from './pointFiles.ts';
import { formatNumber } from './text.ts';
import { choiceOption, integerOption, magnitudeOption, type ParsedOptions } from './usage.ts';

const largestCount = 2 ** 31 - 1;

/** `cuanta cluster product-quantization`: codes the points of a file by codebooks of parts of them. */
export const clusterProductQuantizationCommand: Command = {
  name: 'cluster product-quantization',
  arguments: '<file>',
  description: 'Code the rows of a .csv, .npy or .parquet file by codebooks of runs of columns',
  options: [
    {
      name: '--subspaces <count>',
      description: 'Runs of columns with a codebook each; divides the columns',
      default: 8,
    },
    { name: '--bits <bits>', description: 'Bits of a code: 8 or 4', default: 8 },
    { name: '--training-points <count>', description: 'Most points to train with; 256 a codeword unless given' },
    { name: '--max-iterations <count>', description: 'Most rounds of k-means in a subspace', default: 25 },
    { name: '--tolerance <share>', description: 'Movement that ends them, as for cluster kmeans', default: 1e-4 },
    { name: '--seed <integer>', description: 'Seed of the sample and of k-means', default: 0 },
    columnsOption,
    headerOption,
    { name: '--codes <file.npy>', description: 'Write the codes there (uint8, a row a point)' },
    { name: '--codebooks <file.npy>', description: 'Write the codebooks there (float64)' },
  ],
  example: 'cluster product-quantization vectors.npy --subspaces 48 --codes codes.npy --codebooks books.npy --json',
  run: async ([file = ''], options, reporter) => {
    const parameters = hyperparametersOf(options);
    const runtime = runtimeOption(options);
    const outputs = new ArrayOutputs(options, ['codes', 'codebooks']);
    const points = await readPointFile(file, options);
    outputs.assertWritable(file);
    const job = { ...parameters, files: outputs.names };
    const { report, files } = await perform(clusterProductQuantization, job, reporter, { runtime, inputs: { points } });
    outputs.write(files);
    reporter.result(report, () => {
      const { subspaces, bits, bytesPerPoint, compression, error, relativeError, codesSha256 } = report;
      const share = relativeError === null ? '' : `, ${formatNumber(100 * relativeError)} % of the variance`;
      return [
        `points      ${report.points.toLocaleString('en')} × ${report.columns}`,
        `codes       ${subspaces} of ${bits} bits: ${bytesPerPoint} bytes a point, ${formatNumber(compression)} times fewer than float32`,
        `error       ${formatNumber(error)} (mean squared distance${share})`,
        `SHA-256     ${codesSha256} (of the codes)`,
        ...outputs.describe(),
      ].join('\n');
    });
  },
};

function hyperparametersOf(options: ParsedOptions) {
  const training = options.trainingPoints;
  return {
    subspaces: integerOption(options, 'subspaces', 1, largestCount),
    bits: bitsOption(options),
    ...(training !== undefined && { trainingPoints: integerOption(options, 'training-points', 16, largestCount) }),
    maximumIterations: integerOption(options, 'max-iterations', 1, largestCount),
    tolerance: magnitudeOption(options, 'tolerance'),
    seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
  };
}

/** The option `--bits` of product quantization. */
export function bitsOption(options: ParsedOptions): 4 | 8 {
  return choiceOption(options, 'bits', ['8', '4']) === '4' ? 4 : 8;
}
