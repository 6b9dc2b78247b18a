import { toBinary } from '@bufbuild/protobuf';
import { TensorProto_DataType as DataType, ModelProtoSchema, type ValueInfoProto } from 'onnx-buf';
import { LimitExceeded, UnsupportedOperator } from '../../src/base/errors.ts';
import type { Engine } from '../../src/gpu/engine.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { type ElementType, type HostTensor, hostTensor, isInteger } from '../../src/graph/hostTensor.ts';
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

/** Cases whose data is not what ONNX says, and why. */
const truncated = 'the data is truncated to bfloat16, where ONNX rounds to the nearest';
const wrongCases: ReadonlyMap<string, string> = new Map([
  ['cast_FLOAT_to_BFLOAT16', truncated],
  ['castlike_FLOAT_to_BFLOAT16', truncated],
  ['castlike_FLOAT_to_BFLOAT16_expanded', truncated],
  ['castlike_BFLOAT16_to_FLOAT', 'an input is not of the shape that the model declares'],
  ['castlike_BFLOAT16_to_FLOAT_expanded', 'an input is not of the shape that the model declares'],
]);

/**
 * The cases are of the oldest operator set that defines their operator as the latest did: those below 7, which Cuanta does
 * not read, define the operators that are tested here as 7 does.
 */
function ofKnownOpset(bytes: Uint8Array): Uint8Array {
  const model = decodeModel(bytes);
  for (const set of model.opsetImport) if (set.domain === '' && set.version < 7n) set.version = 7n;
  return toBinary(ModelProtoSchema, model);
}

/** Runs a case as any model is run, and compares its outputs. */
export async function runCase(engine: Engine, stored: ConformanceCase): Promise<CaseResult> {
  const { name } = stored;
  const conformanceCase = { ...stored, model: ofKnownOpset(stored.model) };
  const types = (decodeModel(conformanceCase.model).graph?.node ?? []).map(({ opType }) => opType);
  const [operator = ''] = types.length === 1 ? types : ['(several)'];
  const wrong = wrongCases.get(name);
  if (wrong !== undefined) return { name, operator, outcome: 'not applicable', reason: wrong };
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
  const graph = importOnnx(bytes);
  const declared = decodeModel(bytes).graph;
  const values = new Map(
    graph.inputs.map(({ name }, index) => [name, readTensor(inputs[index], declared?.input[index])] as const),
  );
  const wanted = outputs.map((file, index) => readTensor(file, declared?.output[index]));
  const attempts = [
    () => ({ graph, values, wanted, reason: '' }),
    // Scales, bounds and fills are constants in real models.
    () => ({ graph: withConstants(graph, values, 1), values, wanted, reason: '' }),
    () => ({ graph: withConstants(graph, values, 0), values, wanted, reason: '' }),
    () => inFloat32(graph, values, wanted),
  ];
  let refusal: unknown;
  for (const attempt of attempts) {
    try {
      const { reason, ...run } = attempt();
      const result = await comparedRun(engine, run);
      return result.outcome === 'failed' ? result : { ...result, reason };
    } catch (error) {
      if (!(error instanceof UnsupportedOperator)) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

/** A stored tensor of a declared type; the tests say uint16 where they mean bfloat16. */
function readTensor(file: Uint8Array | undefined, declared: ValueInfoProto | undefined): HostTensor {
  const tensor = decodeTensor(file ?? new Uint8Array());
  const type = declared?.type?.value.value;
  const isBfloat16 = type !== undefined && 'elemType' in type && type.elemType === DataType.BFLOAT16;
  if (isBfloat16) tensor.dataType = DataType.BFLOAT16;
  return importTensor(tensor, 'The tensor');
}

interface Run {
  readonly graph: Graph;
  readonly values: ReadonlyMap<string, HostTensor>;
  readonly wanted: readonly HostTensor[];
}

async function comparedRun(
  engine: Engine,
  { graph, values, wanted }: Run,
): Promise<Pick<CaseResult, 'outcome' | 'reason'>> {
  using model = new Model(engine, graph, operators);
  const feeds = Object.fromEntries([...values].filter(([name]) => graph.inputs.some((input) => input.name === name)));
  const results = [...model.run(feeds).values()];
  const found = await Promise.all(results.map((result) => result.read()));
  await engine.check();
  for (const result of results) result.dispose();
  const complaints = wanted.flatMap((tensor, index) => difference(found[index], tensor) ?? []);
  if (complaints.length > 0) return { outcome: 'failed', reason: complaints.join('; ') };
  return { outcome: model.plan(feeds).some(({ place }) => place === 'gpu') ? 'gpu' : 'cpu', reason: '' };
}

/** The graph with its small inputs from some index on as constants. */
function withConstants(graph: Graph, values: ReadonlyMap<string, HostTensor>, from: number): Graph {
  const others = graph.inputs.slice(from).map(({ name }) => name);
  const fixed = new Set(others.filter((name) => (values.get(name)?.data.length ?? 0) <= 16));
  return {
    ...graph,
    inputs: graph.inputs.filter(({ name }) => !fixed.has(name)),
    initializers: new Map([...graph.initializers, ...[...values].filter(([name]) => fixed.has(name))]),
  };
}

/** The case with float32 in place of float64, which the GPU does not have. */
function inFloat32(graph: Graph, values: ReadonlyMap<string, HostTensor>, wanted: readonly HostTensor[]) {
  const elementType = <Typed extends { readonly elementType: ElementType | undefined }>(typed: Typed): Typed =>
    typed.elementType === 'float64' ? { ...typed, elementType: 'float32' } : typed;
  const tensor = (value: HostTensor) =>
    value.elementType === 'float64' ? hostTensor('float32', value.shape, value.data) : value;
  return {
    graph: { ...graph, inputs: graph.inputs.map(elementType), outputs: graph.outputs.map(elementType) },
    values: new Map([...values].map(([name, value]) => [name, tensor(value)])),
    wanted: wanted.map(tensor),
    reason: 'in float32 instead of float64',
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
