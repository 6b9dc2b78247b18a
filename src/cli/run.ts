import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidInput } from '../base/errors.ts';
import { compareReceipts, isReceipt, type Receipt } from '../graph/receipt.ts';
import { type Command, perform, runtimeOption } from './command.ts';
import { readInput } from './inputFiles.ts';
import { type RunModelReport, runInput, runModel, runOutput } from './jobs/runModel.ts';
import { readModel } from './modelFiles.ts';
import { assertWritable, writeWhole } from './outputFiles.ts';
import { formatNumber, textTable } from './text.ts';
import { assignmentsOption, textOption } from './usage.ts';

/** `cuanta run`: runs a model once on inputs from files. */
export const runCommand: Command = {
  name: 'run',
  arguments: '<model>',
  description: 'Run an .onnx model on .npy files',
  options: [
    { name: '--input <name=file.npy>', description: 'An input of the model; given once for each of them' },
    { name: '--output-directory <folder>', description: 'Write each output there, as <name>.npy; made if need be' },
    { name: '--receipt <file.json>', description: 'Write hashes of the integers that every layer makes' },
    {
      name: '--compare <file.json>',
      description: 'Compare these hashes with a receipt, of another machine perhaps; the first difference is an error',
    },
    { name: '--self-check', description: 'Compare every node with its definition on the CPU, and report the worst' },
  ],
  example: 'run model.onnx --input x=image.npy --output-directory results --json',
  run: async ([file = ''], options, reporter) => {
    const runtime = runtimeOption(options);
    const given = [...assignmentsOption(options, 'input')];
    const folder = textOption(options, 'output-directory');
    const { parameters, inputs: modelInputs } = readModel(file);
    const files = given.map(([name, path], index) => {
      return [runInput(index), readInput(path, `Name a .npy file for the input ${name}.`)] as const;
    });
    if (folder !== undefined) makeFolder(folder);
    const receiptFile = textOption(options, 'receipt');
    const compared = textOption(options, 'compare');
    const expected = compared === undefined ? undefined : readReceipt(compared);
    if (receiptFile !== undefined) assertWritable(receiptFile, file);

    const { report, files: made } = await perform(
      runModel,
      {
        ...parameters,
        names: given.map(([name]) => name),
        selfCheck: options.selfCheck === true,
        receipt: receiptFile !== undefined || expected !== undefined,
      },
      reporter,
      { runtime, inputs: { ...modelInputs, ...Object.fromEntries(files) } },
    );
    const paths = folder === undefined ? [] : outputPaths(folder, report);
    for (const path of paths) for (const read of [file, ...given.map(([, input]) => input)]) assertWritable(path, read);
    for (const [index, path] of paths.entries()) writeWhole(path, made?.[runOutput(index)] ?? new Uint8Array());
    const { receipt } = report;
    if (receiptFile !== undefined) {
      writeWhole(receiptFile, new TextEncoder().encode(`${JSON.stringify(receipt, undefined, 2)}\n`));
    }
    if (receipt && expected) assertSame(receipt, expected, compared ?? '');
    const outputs = report.outputs.map((output, index) => ({ ...output, file: paths[index] ?? null }));
    reporter.result({ ...report, outputs }, () => describe(report, paths));
  },
};

/** Reads what `--receipt` wrote. @throws InvalidInput */
function readReceipt(file: string): Receipt {
  const remedy = 'Name a file that cuanta run --receipt wrote.';
  const text = new TextDecoder().decode(readInput(file, remedy));
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  if (isReceipt(parsed)) return parsed;
  throw new InvalidInput(`${file} is no receipt of version 1. ${remedy}`);
}

/** @throws InvalidInput that names the first layer in which the receipts differ */
function assertSame(found: Receipt, expected: Receipt, file: string): void {
  const difference = compareReceipts(found, expected);
  if (!difference) return;
  const { name, node } = difference;
  const what = node === undefined ? `the input "${name}"` : `the layer "${node}" (its result "${name}")`;
  throw new InvalidInput(
    `The receipt differs from ${file} first in ${what}: ${difference.found ?? 'nothing'} here, ${difference.expected ?? 'nothing'} there. Give the same model and inputs; if they are the same, cuanta run --self-check says which machine is right.`,
  );
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new InvalidInput(
      `The folder ${folder} could not be made: ${cause instanceof Error ? cause.message : cause}. Name another one.`,
      { cause },
    );
  }
}

function outputPaths(folder: string, { outputs }: RunModelReport): string[] {
  const paths = outputs.map(({ name }) => join(folder, `${name.replaceAll('/', '_')}.npy`));
  const twice = paths.find((path, index) => paths.indexOf(path) < index);
  if (twice === undefined) return paths;
  throw new InvalidInput(`Two outputs of the model would be written to ${twice}. Rename one of them in the model.`);
}

function describe(
  { outputs, milliseconds, memory, selfCheck, receipt, floats = [] }: RunModelReport,
  paths: readonly string[],
): string {
  const worst = selfCheck?.worst;
  return [
    textTable(
      ['output', 'type', 'shape', 'file'],
      outputs.map(({ name, dtype, shape }, index) => [name, dtype, `[${shape}]`, paths[index] ?? '']),
    ),
    `${formatNumber(milliseconds)} ms for this first run, in which it is planned and its shaders are compiled`,
    `${memory.constants.toLocaleString('en')} bytes of constants, ${memory.plans.toLocaleString('en')} of plan (${memory.plansWithoutReuse.toLocaleString('en')} without reuse)`,
    ...(receipt ? [`receipt of ${receipt.layers.length} layers: ${receipt.sha256}`] : []),
    ...floats.map(({ node, operator }) => `not integer-only: ${operator} "${node}"`),
    ...(selfCheck ? [`${selfCheck.nodes.length} nodes compared with their definition`] : []),
    ...(worst
      ? [
          `worst: ${worst.operator} "${worst.node}", output ${worst.name}: off by ${formatNumber(worst.absoluteError)}, relative ${formatNumber(worst.relativeError)}`,
        ]
      : []),
  ].join('\n');
}
