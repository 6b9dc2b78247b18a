import { CuantaError, LimitExceeded } from '../../base/errors.ts';
import { elementCount, type Shape } from '../../base/shape.ts';
import type { Engine } from '../../gpu/engine.ts';
import type { Graph, GraphValue } from '../../graph/graph.ts';
import { type HostTensor, hostArray, storedBytes } from '../../graph/hostTensor.ts';
import { Model, type ModelMemory } from '../../graph/model.ts';
import type { NodePlan } from '../../graph/plan.ts';
import { unsupportedNodes } from '../../graph/support.ts';
import { importOnnx } from '../../onnx/import.ts';
import { operators } from '../../onnx/operators/index.ts';
import type { Job } from './job.ts';
import { assertInputs, largestInput, type ModelParameters, modelOf, type ValueReport, valueReport } from './model.ts';

/** What to look at. */
export interface InspectModelParameters extends ModelParameters {
  /** Shapes of inputs, by name, for lengths that the model leaves open. */
  readonly shapes: Readonly<Record<string, Shape>>;
}

/** A node of a model. */
export interface NodeReport {
  readonly name: string;
  /** '' is ONNX's own domain. */
  readonly domain: string;
  readonly operator: string;
  readonly supported: boolean;
  /** Why it is not computed. */
  readonly reason?: string;
  readonly inputs: readonly string[];
  /** Types and shapes as planned; null where there is no plan. */
  readonly outputs: readonly ValueReport[];
}

/** What a model would do for shapes of its inputs. */
export interface PlanReport {
  readonly inputs: readonly ValueReport[];
  /** Names of the inputs of which lengths were assumed, because neither the model nor the user said them. */
  readonly assumed: readonly string[];
  readonly nodes: readonly NodePlan[];
  /** Bytes. */
  readonly memory: ModelMemory;
}

/** What is in a model. */
export interface InspectModelReport {
  readonly name: string;
  /** Versions of operator sets by domain; ONNX's own is `ai.onnx`. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly inputs: readonly ValueReport[];
  readonly outputs: readonly ValueReport[];
  /** How many nodes there are of each operator. */
  readonly operators: Readonly<Record<string, number>>;
  readonly nodes: readonly NodeReport[];
  /** Elements of all constants. */
  readonly parameters: number;
  /** Of the constants as the model stores them, and of the file. */
  readonly bytes: { readonly parameters: number; readonly file: number };
  /** Whether Cuanta computes all of it. */
  readonly supported: boolean;
  readonly unsupported: readonly { readonly node: string; readonly operator: string; readonly reason: string }[];
  /** Null where the model cannot be planned: see `planError`. */
  readonly plan: PlanReport | null;
  readonly planError: string | null;
}

/** Describes the model in the input `model`, without running it. */
export const inspectModel: Job<InspectModelParameters, InspectModelReport> = {
  name: 'inspectModel',
  page: 'runtime.html',
  run: async (engine, parameters, { inputs }) => {
    const { bytes, externalData } = modelOf(parameters, inputs);
    const graph = importOnnx(bytes, { externalData });
    const missing = unsupportedNodes(graph, operators);
    const reasons = new Map(missing.map(({ node, reason }) => [node, reason]));
    assertInputs(graph, Object.keys(parameters.shapes));
    const { plan, planError, written = [] } = planOf(engine, graph, parameters.shapes, missing.length);
    const planned = new Map(written.flatMap(({ outputs }) => outputs.map((output) => [output.name, output])));
    const constants = [...graph.initializers.values()];
    const counts = new Map<string, number>();
    for (const { operator } of graph.nodes) counts.set(operator, (counts.get(operator) ?? 0) + 1);
    return {
      report: {
        name: graph.name,
        opsets: Object.fromEntries([...graph.opsets].map(([domain, version]) => [domain || 'ai.onnx', version])),
        inputs: graph.inputs.map(valueReport),
        outputs: graph.outputs.map(valueReport),
        operators: Object.fromEntries([...counts].sort(([, left], [, right]) => right - left)),
        nodes: graph.nodes.map((node): NodeReport => {
          const { name, domain, operator } = node;
          const reason = reasons.get(node);
          const outputs = node.outputs.map((output): ValueReport => {
            const type = planned.get(output);
            return { name: output, dtype: type?.elementType ?? null, shape: type?.shape ?? null };
          });
          const supported = reason === undefined;
          return { name, domain, operator, supported, ...(reason && { reason }), inputs: node.inputs, outputs };
        }),
        parameters: constants.reduce((sum, { shape }) => sum + elementCount(shape), 0),
        bytes: {
          parameters: storedBytes(constants),
          file: bytes.length,
        },
        supported: missing.length === 0,
        unsupported: missing.map(({ node, reason }) => ({ node: node.name, operator: node.operator, reason })),
        plan,
        planError,
      },
    };
  },
};

/** Lengths where nobody says them: one item at a time, of a size that most networks take. */
const assumed = { first: 1, other: 64 } as const;

function planOf(
  engine: Engine,
  graph: Graph,
  shapes: InspectModelParameters['shapes'],
  missingCount: number,
): Pick<InspectModelReport, 'plan' | 'planError'> & {
  /** The nodes as the file has them, nothing fused. */
  readonly written?: readonly NodePlan[];
} {
  if (missingCount > 0) {
    return { plan: null, planError: `${missingCount} node(s) are not computed by Cuanta: see "unsupported".` };
  }
  try {
    const guesses = graph.inputs.map((input) => ({ input, ...shapeOf(input, shapes[input.name]) }));
    const feeds = Object.fromEntries(
      guesses.map(({ input: { name, elementType = 'float32' }, shape }): [string, HostTensor] => {
        if (elementCount(shape) > largestInput) {
          throw new LimitExceeded(`The input "${name}" of shape [${shape}] has more than ${largestInput} elements.`);
        }
        return [name, { elementType, shape, data: hostArray(elementType, elementCount(shape)) }];
      }),
    );
    const written = writtenPlan(engine, graph, feeds);
    using model = new Model(engine, graph, operators);
    const nodes = model.plan(feeds);
    const inputs = guesses.map(({ input, shape }) => ({ ...valueReport(input), shape }));
    const names = guesses.filter((guess) => guess.assumed).map(({ input }) => input.name);
    return { plan: { inputs, assumed: names, nodes, memory: model.memory }, planError: null, written };
  } catch (error) {
    // The file itself is sound: that it has no plan for these shapes is part of what is to be seen.
    if (error instanceof CuantaError) return { plan: null, planError: error.message };
    throw error;
  }
}

function writtenPlan(engine: Engine, graph: Graph, feeds: Readonly<Record<string, HostTensor>>): readonly NodePlan[] {
  using model = new Model(engine, graph, operators, { optimize: false });
  return model.plan(feeds);
}

function shapeOf({ dimensions = [] }: GraphValue, given: Shape | undefined): { shape: Shape; assumed: boolean } {
  if (given) return { shape: given, assumed: false };
  const shape = dimensions.map((dimension, axis) => {
    if (typeof dimension === 'number') return dimension;
    return axis === 0 ? assumed.first : assumed.other;
  });
  return { shape, assumed: dimensions.some((dimension) => typeof dimension !== 'number') };
}
