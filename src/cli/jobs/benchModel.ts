import { throwIfAborted } from '../../base/abort.ts';
import { InvalidInput, LimitExceeded } from '../../base/errors.ts';
import { halfToNumber, numberToHalf } from '../../base/half.ts';
import { breathe } from '../../base/pieces.ts';
import { elementCount, type Shape } from '../../base/shape.ts';
import type { Engine } from '../../gpu/engine.ts';
import type { Graph, GraphValue } from '../../graph/graph.ts';
import { type HostTensor, hostTensor, integerRange, storedBytes } from '../../graph/hostTensor.ts';
import { compareTensors } from '../../graph/selfCheck.ts';
import { importOnnx } from '../../onnx/import.ts';
import { loadOnnx } from '../../onnx/load.ts';
import { tensorFromNpy } from '../../onnx/npy.ts';
import type { Job, JobContext, JobResult } from './job.ts';
import { assertInputs, largestInput, type ModelParameters, modelOf } from './model.ts';
import type { LoadModel, ModelPeers, ModelRunner, ModelSource } from './modelPeers.ts';
import { runInput } from './runModel.ts';
import { uniformValues } from './sampleData.ts';
import { type Distribution, distributionOf } from './timing.ts';

/** Which models to time, on what. */
export interface BenchModelParameters extends ModelParameters {
  /** The same model quantized, whose files are the job's inputs with `quantizedPrefix`; null for none. */
  readonly quantized: ModelParameters | null;
  /** Shapes of inputs, by name, for lengths that the model leaves open. */
  readonly shapes: Readonly<Record<string, Shape>>;
  /** Names of the inputs that are given; their `.npy` files are the job's inputs named `runInput(index)`. */
  readonly names: readonly string[];
  /** Timed runs of each, in turns. */
  readonly repeats: number;
  /** Seed of the inputs that are not given. */
  readonly seed: number;
  /** Whether other libraries run the models too. */
  readonly peers: boolean;
}

/** Before the names of the job's inputs that are the files of the quantized model. */
export const quantizedPrefix = 'quantized-';

type Precision = 'float' | 'quantized';

/** A model that was run. */
export interface ModelFacts {
  readonly model: Precision;
  readonly nodes: number;
  /** Of the file, and of its constants as it stores them. */
  readonly bytes: { readonly file: number; readonly weights: number };
}

/** The times of one model in one library, in milliseconds. */
export interface TimedModel {
  readonly name: string;
  readonly model: Precision;
  /** From the bytes of the file to a model that can be run; for the first of another library with its own start. */
  readonly loadMilliseconds: number;
  /** The first run, in which shaders are compiled and weights uploaded. */
  readonly firstMilliseconds: number;
  /** The runs after it, from inputs on the CPU to outputs there. */
  readonly milliseconds: Distribution;
  /** Whether the outputs were compared with those of onnxruntime-web on the CPU. */
  readonly checked: boolean;
  readonly outputs: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: Shape;
    /** Greatest difference by the greatest magnitude of the other's; null where there is nothing to compare with. */
    readonly relativeDifference: number | null;
  }[];
}

/** The times of models. */
export interface BenchModelReport {
  readonly adapter: Engine['info']['adapter'];
  readonly software: boolean;
  readonly inputs: readonly { readonly name: string; readonly dtype: string; readonly shape: Shape }[];
  readonly models: readonly ModelFacts[];
  /** `gpuBytes`: weights and plan as they lie on the GPU. */
  readonly cases: readonly (TimedModel & { readonly gpuBytes: number })[];
  readonly peers?: readonly TimedModel[];
  /** How many times as fast as another each of ours is. */
  readonly ratios: readonly { readonly case: string; readonly peer: string; readonly ratio: number }[];
}

/**
 * How far outputs may lie from those of onnxruntime-web on the CPU, by their greatest magnitude. Where products of 8 bits
 * are rounded the other way, steps of 1/255 spread through the rest of the model.
 */
const tolerances = { float: 1e-3, quantized: 0.1 } as const;

/** The inputs of which nobody says the shape: neither the model nor the names that are given. */
export function openInputs({ inputs }: Pick<Graph, 'inputs'>, given: readonly string[]): readonly GraphValue[] {
  return inputs.filter(
    ({ name, dimensions }) => !given.includes(name) && !dimensions?.every((dimension) => typeof dimension === 'number'),
  );
}

/** Says which inputs are open. */
export function describeOpen(open: readonly GraphValue[]): string {
  const list = open.map(({ name, dimensions }) => `${name}[${dimensions?.map((length) => length ?? '?') ?? '…'}]`);
  return `The model leaves lengths of its inputs open: ${list.join(', ')}. Give the shape of each.`;
}

/**
 * Loads and runs models in turns with other libraries, and compares their results before their times count.
 *
 * @param openPeers makes these, when `parameters.peers` asks for them
 * @throws InvalidInput for inputs that are missing, and for results that are wrong
 */
export async function runBenchModel(
  engine: Engine,
  parameters: BenchModelParameters,
  context: JobContext,
  openPeers?: () => Promise<ModelPeers>,
): Promise<JobResult<BenchModelReport>> {
  if (parameters.peers && !openPeers) {
    throw new InvalidInput('There is no peer to compare with here; leave the comparison out.');
  }
  const sources = sourcesOf(parameters, context.inputs);
  const graphs = sources.map(({ model, source }) => ({ model, source, graph: importOnnx(source.bytes, source) }));
  const feeds = feedsOf(graphs[0]?.graph ?? { inputs: [] }, parameters, context.inputs);
  const peers = parameters.peers ? await openPeers?.() : undefined;
  const contenders = new Contenders(engine, feeds, context);
  try {
    for (const { model, source } of sources) {
      if (peers) await contenders.add(model, source, peers.wasm);
      await contenders.add(model, source);
      if (peers?.webgpu && model === 'float') await contenders.add(model, source, peers.webgpu);
    }
    await contenders.time(parameters.repeats);
    const { adapter, software } = engine.info;
    const report = {
      adapter,
      software,
      inputs: Object.entries(feeds).map(([name, { elementType, shape }]) => ({ name, dtype: elementType, shape })),
      models: graphs.map(({ model, source, graph }) => ({
        model,
        nodes: graph.nodes.length,
        bytes: { file: source.bytes.length, weights: storedBytes(graph.initializers.values()) },
      })),
      ...contenders.summary(),
    };
    return { report };
  } finally {
    contenders.dispose();
  }
}

/** The benchmark without peers: these come with the command line and with the page. */
export const benchModel: Job<BenchModelParameters, BenchModelReport> = {
  name: 'benchModel',
  page: 'bench/',
  run: runBenchModel,
};

function sourcesOf(parameters: BenchModelParameters, inputs: JobContext['inputs']) {
  const float = { model: 'float' as const, source: modelOf(parameters, inputs) };
  if (!parameters.quantized) return [float];
  return [float, { model: 'quantized' as const, source: quantizedModelOf(parameters.quantized, inputs) }];
}

/** `modelOf` for the model whose files are the job's inputs with `quantizedPrefix`. */
export function quantizedModelOf(parameters: ModelParameters, inputs: JobContext['inputs']): ModelSource {
  const files = Object.entries(inputs).flatMap(([name, bytes]) =>
    name.startsWith(quantizedPrefix) ? [[name.slice(quantizedPrefix.length), bytes] as const] : [],
  );
  return modelOf(parameters, Object.fromEntries(files));
}

function feedsOf(
  graph: Pick<Graph, 'inputs'>,
  { shapes, names, seed }: BenchModelParameters,
  files: JobContext['inputs'],
): Record<string, HostTensor> {
  const given = [...Object.keys(shapes), ...names];
  assertInputs(graph, given);
  const open = openInputs(graph, given);
  if (open.length > 0) throw new InvalidInput(describeOpen(open));
  return Object.fromEntries(
    graph.inputs.map((input, position) => {
      const { name, elementType, dimensions = [] } = input;
      const file = files[runInput(names.indexOf(name))];
      if (file) return [name, tensorFromNpy(file, elementType, `The input "${name}"`)];
      return [name, madeUp(input, shapes[name] ?? dimensions.map(Number), seed + position)];
    }),
  );
}

/** Floats in [−1, 1), integers of 8 bits and fewer over their range, and of wider ones, which may be indices or sizes, 1. */
function madeUp({ name, elementType = 'float32' }: GraphValue, shape: Shape, seed: number): HostTensor {
  const count = elementCount(shape);
  if (count > largestInput) {
    throw new LimitExceeded(
      `The input "${name}" of shape [${shape}] has more than ${largestInput} elements. Choose a smaller shape.`,
    );
  }
  const range = integerRange(elementType);
  if (!range) {
    const values = uniformValues(count, seed);
    const isHalf = elementType === 'float16';
    return hostTensor(elementType, shape, isHalf ? values.map((item) => halfToNumber(numberToHalf(item))) : values);
  }
  const [least, greatest] = range;
  if (greatest - least > 255) return hostTensor(elementType, shape, new Float64Array(count).fill(1));
  const steps = uniformValues(count, seed).map((value) => Math.floor(((value + 1) / 2) * (greatest - least + 1)));
  return hostTensor(
    elementType,
    shape,
    Int32Array.from(steps, (step) => least + step),
  );
}

interface Contender {
  readonly runner: ModelRunner;
  readonly facts: Omit<TimedModel, 'milliseconds'>;
  /** Of ours; undefined for those of others. */
  readonly gpuBytes: number | undefined;
  readonly times: number[];
}

class Contenders {
  readonly #engine: Engine;
  readonly #feeds: Readonly<Record<string, HostTensor>>;
  readonly #context: JobContext;
  readonly #all: Contender[] = [];
  /** What onnxruntime-web gave on the CPU. */
  readonly #expected = new Map<Precision, ReadonlyMap<string, HostTensor>>();

  constructor(engine: Engine, feeds: Readonly<Record<string, HostTensor>>, context: JobContext) {
    this.#engine = engine;
    this.#feeds = feeds;
    this.#context = context;
  }

  /** Loads a model, runs it once and checks it; the first peer's result is what the others must give. */
  async add(model: Precision, source: ModelSource, load?: LoadModel): Promise<void> {
    const engine = this.#engine;
    this.#context.onProgress?.(`loading the ${model} model${load ? ' elsewhere' : ''}`);
    await breathe();
    await engine.idle();
    const live = engine.memory.live;
    const start = performance.now();
    const runner = await (load ? load(source) : loadOurs(engine, source));
    const loaded = performance.now();
    const name = `${runner.name}, ${model}`;
    const contender = { runner, times: [] };
    try {
      this.#context.onProgress?.(`${name}, first run`);
      const outputs = await runner.run(this.#feeds);
      const ran = performance.now();
      await engine.idle();
      const expected = this.#expected.get(model);
      if (!expected && load) this.#expected.set(model, outputs);
      const compared = [...outputs].map(([output, found]) => ({
        name: output,
        dtype: found.elementType,
        shape: found.shape,
        relativeDifference: expected ? differenceOf(found, expected.get(output)) : null,
      }));
      assertClose(name, compared, tolerances[model]);
      const times = { loadMilliseconds: loaded - start, firstMilliseconds: ran - loaded };
      const facts = { name, model, ...times, checked: expected !== undefined, outputs: compared };
      this.#all.push({ ...contender, facts, gpuBytes: load ? undefined : engine.memory.live - live });
    } catch (error) {
      runner.dispose();
      throw error;
    }
    throwIfAborted(this.#context.signal);
  }

  /** Timed runs in turns, so that whatever slows the machine slows them all. */
  async time(repeats: number): Promise<void> {
    for (let run = 1; run <= repeats; run++) {
      for (const { runner, facts, times } of this.#all) {
        this.#context.onProgress?.(`${facts.name}, run ${run} of ${repeats}`);
        await breathe();
        const start = performance.now();
        await runner.run(this.#feeds);
        times.push(performance.now() - start);
        throwIfAborted(this.#context.signal);
      }
    }
  }

  summary(): Pick<BenchModelReport, 'cases' | 'peers' | 'ratios'> {
    const timed = this.#all.map(({ facts, times, gpuBytes }) => {
      return { timed: { ...facts, milliseconds: distributionOf(times) }, gpuBytes };
    });
    const cases = timed.flatMap(({ timed, gpuBytes }) => (gpuBytes === undefined ? [] : [{ ...timed, gpuBytes }]));
    const peers = timed.flatMap(({ timed, gpuBytes }) => (gpuBytes === undefined ? [timed] : []));
    const ratio = (ours: TimedModel, other: TimedModel) => {
      return { case: ours.name, peer: other.name, ratio: other.milliseconds.median / ours.milliseconds.median };
    };
    const [float, quantized] = cases;
    const between = float && quantized ? [ratio(quantized, float)] : [];
    const ratios = [...between, ...cases.flatMap((ours) => peers.map((peer) => ratio(ours, peer)))];
    return { cases, ratios, ...(peers.length > 0 && { peers }) };
  }

  dispose(): void {
    for (const { runner } of this.#all) runner.dispose();
  }
}

async function loadOurs(engine: Engine, { bytes, externalData }: ModelSource): Promise<ModelRunner> {
  const model = await loadOnnx(engine, bytes, { externalData });
  return {
    name: 'Cuanta',
    async run(feeds) {
      const results = [...model.run(feeds)];
      try {
        return new Map(await Promise.all(results.map(async ([name, output]) => [name, await output.read()] as const)));
      } finally {
        for (const [, output] of results) output.dispose();
      }
    },
    dispose: () => model.dispose(),
  };
}

function differenceOf(found: HostTensor, expected: HostTensor | undefined): number {
  return expected ? compareTensors(found, expected).relativeError : Number.POSITIVE_INFINITY;
}

function assertClose(name: string, outputs: TimedModel['outputs'], tolerance: number): void {
  const wrong = outputs.find(({ relativeDifference }) => !((relativeDifference ?? 0) <= tolerance));
  if (!wrong) return;
  throw new InvalidInput(
    `${name}: the output "${wrong.name}" differs from that of onnxruntime-web on the CPU by ${wrong.relativeDifference} of its greatest magnitude; at most ${tolerance} counts as the same. Find the node with "cuanta run --self-check".`,
  );
}
