import type { NodePlan } from '../graph/plan.ts';
import { readCalibration, sampleOptions } from './calibrationFiles.ts';
import { type Command, perform, runtimeOption, shapeOption } from './command.ts';
import { damageTable, describeDamage } from './damageText.ts';
import { type InspectModelReport, inspectModel, type PlanReport } from './jobs/inspectModel.ts';
import type { ValueReport } from './jobs/model.ts';
import { quantizeModel } from './jobs/quantizeModel.ts';
import { readModel } from './modelFiles.ts';
import {
  calibrationOptions,
  quantizationOptions,
  readQuantization,
  readSettings,
  smoothOption,
} from './quantizeOptions.ts';
import { textTable } from './text.ts';
import { camelCase, integerOption, type ParsedOptions, shapesOption, textOption, UsageError } from './usage.ts';

/** `cuanta inspect`: what is in a model, and what Cuanta does with it. */
export const inspectCommand: Command = {
  name: 'inspect',
  arguments: '<model>',
  description: 'Show the nodes, types, shapes and parameters of an .onnx model, and the kernels that would run',
  options: [
    shapeOption,
    {
      name: '--sensitivity',
      description:
        'Quantize the model, and each layer by itself, and list those that hurt most first; needs --calibration',
    },
    ...sampleOptions,
    ...calibrationOptions,
    ...quantizationOptions,
    { name: '--samples <count>', description: 'Of the samples, how many --sensitivity compares', default: 4 },
  ],
  example: 'inspect model.onnx --shape x=1,3,48,192 --json',
  run: async ([file = ''], options, reporter) => {
    const runtime = runtimeOption(options);
    const shapes = shapesOption(options);
    if (!options.sensitivity) assertNoQuantization(options);
    const samples = options.sensitivity ? await sensitivitySamples(options) : undefined;
    const { parameters, inputs } = readModel(file);
    const { report } = await perform(inspectModel, { ...parameters, shapes }, reporter, { runtime, inputs });
    if (!samples) {
      reporter.result(report, () => describe(report));
      return;
    }
    const settings = { ...parameters, ...samples.parameters, ...quantizationOf(options) };
    const quantized = await perform(quantizeModel, settings, reporter, {
      runtime,
      inputs: { ...inputs, ...samples.inputs },
    });
    const { explanation } = quantized.report;
    reporter.result({ ...report, sensitivity: explanation }, () =>
      [describe(report), ...(explanation ? [describeDamage(explanation), damageTable(explanation)] : [])].join('\n\n'),
    );
  },
};

/** As the options of `cuanta quantize` have it: 8 bits throughout, ranges from least to greatest, unless they say otherwise. */
function quantizationOf(options: ParsedOptions) {
  const quantization = readQuantization(options);
  return {
    settings: readSettings(options, quantization.activations !== 'float'),
    saveEvery: null,
    quantization,
    equalize: options.equalize === true,
    smooth: smoothOption(options),
    format: 'qdq',
    budget: null,
    explain: true,
  } as const;
}

/** @throws UsageError for an option that would be without effect */
function assertNoQuantization(options: ParsedOptions): void {
  const names = [...calibrationOptions, ...quantizationOptions].filter((option) => !('default' in option));
  const given = names.map(({ name }) => /^--([a-z-]+)/.exec(name)?.[1] ?? '').find((name) => options[camelCase(name)]);
  if (given) throw new UsageError(`--${given} is given, but needs --sensitivity.`);
}

async function sensitivitySamples(options: ParsedOptions) {
  const path = textOption(options, 'calibration');
  if (path === undefined) throw new UsageError('--sensitivity needs samples; name them with --calibration.');
  const { inputs, ...calibration } = await readCalibration(path, options);
  const comparedSamples = integerOption(options, 'samples', 1, 1_000_000);
  return { parameters: { ...calibration, comparedSamples }, inputs };
}

function describe(report: InspectModelReport): string {
  const { plan, planError, unsupported, parameters, bytes } = report;
  const values = (list: readonly ValueReport[]) =>
    list
      .map(({ name, dtype, shape }) => `${name} ${dtype ?? ''}[${shape?.map((length) => length ?? '?') ?? '…'}]`)
      .join(', ');
  const lines = [
    `model       ${report.name}, operator sets ${Object.entries(report.opsets)
      .map(([domain, version]) => `${domain} ${version}`)
      .join(', ')}`,
    `inputs      ${values(report.inputs)}`,
    `outputs     ${values(report.outputs)}`,
    `operators   ${Object.entries(report.operators)
      .map(([operator, count]) => `${count} ${operator}`)
      .join(', ')}`,
    `parameters  ${parameters.toLocaleString('en')} in ${bytes.parameters.toLocaleString('en')} bytes`,
    ...unsupported.map(({ node, operator, reason }) => `missing     ${operator} (${node}): ${reason}`),
  ];
  if (!plan) return [...lines, `no plan     ${planError}`].join('\n');
  const assumed = plan.assumed.length > 0 ? `; assumed for ${plan.assumed.join(', ')}: see --shape` : '';
  return [
    ...lines,
    `planned for ${values(plan.inputs)}${assumed}`,
    `plan        ${plan.memory.plans.toLocaleString('en')} bytes on the GPU, ${plan.memory.plansWithoutReuse.toLocaleString('en')} without reuse`,
    planTable(plan),
  ].join('\n');
}

/** How a node is computed, which nodes of the model it stands for, and why it is computed with floats. */
function howPlanned({ node, explanation, replaces, notFused }: NodePlan): string {
  const others = replaces.filter((name) => name !== node);
  const stands = others.length > 0 ? `; with ${others.join(', ')}` : '';
  return `${explanation}${stands}${notFused === undefined ? '' : `; not fused: ${notFused}`}`;
}

/** One line a node; what is longest, how it is computed, comes last. */
function planTable({ nodes }: PlanReport): string {
  const table = textTable(
    ['node', 'operator', 'place', 'shape'],
    nodes.map(({ node, operator, place, outputs }) => [node, operator, place, `[${outputs[0]?.shape ?? ''}]`]),
  );
  const explanations = ['how', '───', ...nodes.map(howPlanned)];
  return table
    .split('\n')
    .map((line, index) => `${line}  ${explanations[index]}`)
    .join('\n');
}
