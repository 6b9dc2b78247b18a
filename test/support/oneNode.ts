import type { Engine } from '../../src/gpu/engine.ts';
import type { Attribute, Graph } from '../../src/graph/graph.ts';
import type { HostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { NodeContext, type Operator, OperatorTable } from '../../src/graph/operator.ts';

/** One node to run, with its operands. */
export interface NodeCase {
  readonly operator: Operator;
  /** Version of the operator set; 21 unless given. */
  readonly opset?: number;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Undefined for one left out. */
  readonly inputs: readonly (HostTensor | undefined)[];
  /** 1 unless given. */
  readonly outputCount?: number;
  /** Indices of inputs that are initializers of the model. The others are its inputs. */
  readonly constants?: readonly number[];
}

/** What a node gave, and what it should have given. */
export interface NodeResult {
  /** As the model computed it: on the GPU, unless `place` says otherwise. */
  readonly outputs: readonly HostTensor[];
  /** As `evaluate` computes it. */
  readonly expected: readonly HostTensor[];
  readonly place: 'gpu' | 'cpu';
  readonly explanation: string;
}

/** A graph of one node. */
export function oneNodeGraph({ operator, opset = 21, attributes = {}, inputs, ...options }: NodeCase): Graph {
  const { outputCount = 1, constants = [] } = options;
  const outputs = Array.from({ length: outputCount }, (_, index) => `output${index}`);
  const given = inputs.map((value, index) => ({ name: value ? `input${index}` : '', value, index }));
  return {
    name: operator.name,
    inputs: given.flatMap(({ name, value, index }) =>
      value && !constants.includes(index) ? [{ name, elementType: value.elementType, dimensions: value.shape }] : [],
    ),
    outputs: outputs.map((name) => ({ name, elementType: undefined, dimensions: undefined })),
    nodes: [
      {
        name: 'node',
        domain: operator.domain,
        operator: operator.name,
        inputs: given.map(({ name }) => name),
        outputs,
        attributes: new Map(Object.entries(attributes)),
      },
    ],
    initializers: new Map(
      given.flatMap(({ name, value, index }) => (value && constants.includes(index) ? [[name, value] as const] : [])),
    ),
    opsets: new Map([[operator.domain, opset]]),
  };
}

/** The outputs of a node as `evaluate` defines them. */
export function evaluateNode(nodeCase: NodeCase): readonly HostTensor[] {
  const { operator, opset = 21, inputs } = nodeCase;
  const [node] = oneNodeGraph(nodeCase).nodes;
  if (!node) throw new Error('The graph has no node.');
  const known = inputs.map((input) => input && { ...input, host: input });
  return operator.evaluate(new NodeContext(node, opset, known), inputs);
}

/**
 * Runs a node through a model, and evaluates it. Integer inputs of up to 16 elements count as known before the run: a node
 * whose inputs are all such is computed on the CPU (see `place`).
 */
export async function runNode(engine: Engine, nodeCase: NodeCase): Promise<NodeResult> {
  using model = new Model(engine, oneNodeGraph(nodeCase), new OperatorTable([nodeCase.operator]));
  const constants = nodeCase.constants ?? [];
  const feeds = Object.fromEntries(
    nodeCase.inputs.flatMap((value, index) =>
      value && !constants.includes(index) ? [[`input${index}`, value] as const] : [],
    ),
  );
  const results = [...model.run(feeds).values()];
  let outputs: HostTensor[];
  try {
    outputs = await Promise.all(results.map((result) => result.read()));
  } finally {
    for (const result of results) result.dispose();
  }
  const [plan] = model.plan(feeds);
  return {
    outputs,
    expected: evaluateNode(nodeCase),
    place: plan?.place ?? 'cpu',
    explanation: plan?.explanation ?? '',
  };
}
