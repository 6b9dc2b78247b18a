import { LimitExceeded, UnsupportedOperator } from '../../src/base/errors.ts';
import type { Engine } from '../../src/gpu/engine.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { type HostTensor, isInteger } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { unsupportedNodes } from '../../src/graph/support.ts';
import { importOnnx } from '../../src/onnx/import.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { decodeModel, decodeTensor } from '../../src/onnx/protobuf.ts';
import { importTensor } from '../../src/onnx/tensor.ts';
import type { ConformanceCase } from './archive.ts';
import type { CaseResult } from './resultsTable.ts';

/** The tolerances of ONNX's own runner; integers must be equal. */
const tolerance = { relative: 1e-3, absolute: 1e-7 };

/** Runs a case as any model is run, and compares its outputs. */
export async function runCase(engine: Engine, conformanceCase: ConformanceCase): Promise<CaseResult> {
  const { name } = conformanceCase;
  const types = (decodeModel(conformanceCase.model).graph?.node ?? []).map(({ opType }) => opType);
  const [operator = ''] = types.length === 1 ? types : ['(several)'];
  try {
    const missing = unsupportedNodes(importOnnx(conformanceCase.model), operators);
    if (missing.length > 0) {
      const reasons = missing.map(({ node, reason }) =>
        reason.startsWith('there is no') ? `no ${node.operator}` : reason,
      );
      return { name, operator, outcome: 'not applicable', reason: [...new Set(reasons)].join(', ') };
    }
    return { name, operator, ...(await compared(engine, conformanceCase)) };
  } catch (error) {
    // What Cuanta says that it does not do is no failure.
    const refused = error instanceof UnsupportedOperator || error instanceof LimitExceeded;
    const message = error instanceof Error ? error.message : String(error);
    return { name, operator, outcome: refused ? 'not applicable' : 'failed', reason: shortened(message) };
  }
}

async function compared(
  engine: Engine,
  { model: bytes, inputs, outputs }: ConformanceCase,
): Promise<Pick<CaseResult, 'outcome' | 'reason'>> {
  const read = (file: Uint8Array): HostTensor => importTensor(decodeTensor(file), 'The tensor');
  const graph = importOnnx(bytes);
  const values = new Map(graph.inputs.map(({ name }, index) => [name, read(inputs[index] ?? new Uint8Array())]));
  const wanted = outputs.map(read);
  try {
    return await comparedRun(engine, graph, values, wanted);
  } catch (error) {
    // In real models these are constants.
    if (!(error instanceof Error && error.message.includes('must be known before'))) throw error;
    return await comparedRun(engine, withConstants(graph, values), values, wanted);
  }
}

async function comparedRun(
  engine: Engine,
  graph: Graph,
  values: ReadonlyMap<string, HostTensor>,
  wanted: readonly HostTensor[],
): Promise<Pick<CaseResult, 'outcome' | 'reason'>> {
  using model = new Model(engine, graph, operators);
  const feeds = Object.fromEntries(graph.inputs.flatMap(({ name }) => [[name, values.get(name) as HostTensor]]));
  const results = [...model.run(feeds).values()];
  const found = await Promise.all(results.map((result) => result.read()));
  await engine.check();
  for (const result of results) result.dispose();
  const complaints = wanted.flatMap((tensor, index) => difference(found[index], tensor) ?? []);
  if (complaints.length > 0) return { outcome: 'failed', reason: complaints.join('; ') };
  return { outcome: model.plan(feeds).some(({ place }) => place === 'gpu') ? 'gpu' : 'cpu', reason: '' };
}

/** The graph with its small inputs after the first as constants. */
function withConstants(graph: Graph, values: ReadonlyMap<string, HostTensor>): Graph {
  const [first, ...others] = graph.inputs;
  const fixed = new Set(others.map(({ name }) => name).filter((name) => (values.get(name)?.data.length ?? 0) <= 16));
  return {
    ...graph,
    inputs: graph.inputs.filter((input) => input === first || !fixed.has(input.name)),
    initializers: new Map([...graph.initializers, ...[...values].filter(([name]) => fixed.has(name))]),
  };
}

/** What is wrong with an output; undefined where nothing is. */
function difference(found: HostTensor | undefined, wanted: HostTensor): string | undefined {
  const title = (tensor: HostTensor | undefined) => `${tensor?.elementType}[${tensor?.shape}]`;
  if (!found || title(found) !== title(wanted)) return `${title(found)} instead of ${title(wanted)}`;
  const exact = isInteger(wanted.elementType);
  const wrong = wanted.data.findIndex((element, index) => {
    const other = found.data[index] ?? Number.NaN;
    if (element === other || (Number.isNaN(element) && Number.isNaN(other))) return false;
    return exact || !(Math.abs(element - other) <= tolerance.absolute + tolerance.relative * Math.abs(element));
  });
  return wrong < 0 ? undefined : `element ${wrong} is ${found.data[wrong]} instead of ${wanted.data[wrong]}`;
}

/** What happened, without the remedy. */
function shortened(message: string): string {
  return message.replace(/\s+/g, ' ').replace(/[;.] .*/, '');
}
