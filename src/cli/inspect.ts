import type { NodePlan } from '../graph/plan.ts';
import { type Command, perform, runtimeOption, shapeOption } from './command.ts';
import { type InspectModelReport, inspectModel, type PlanReport } from './jobs/inspectModel.ts';
import type { ValueReport } from './jobs/model.ts';
import { readModel } from './modelFiles.ts';
import { textTable } from './text.ts';
import { shapesOption } from './usage.ts';

/** `cuanta inspect`: what is in a model, and what Cuanta does with it. */
export const inspectCommand: Command = {
  name: 'inspect',
  arguments: '<model>',
  description: 'Show the nodes, types, shapes and parameters of an .onnx model, and the kernels that would run',
  options: [shapeOption],
  example: 'inspect model.onnx --shape x=1,3,48,192 --json',
  run: async ([file = ''], options, reporter) => {
    const runtime = runtimeOption(options);
    const shapes = shapesOption(options);
    const { parameters, inputs } = readModel(file);
    const { report } = await perform(inspectModel, { ...parameters, shapes }, reporter, { runtime, inputs });
    reporter.result(report, () => describe(report));
  },
};

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
