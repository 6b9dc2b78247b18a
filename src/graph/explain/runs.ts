/** Runs that compare models, and read what they give. */
import { Aborted } from '../../base/errors.ts';
import type { Graph } from '../graph.ts';
import type { HostTensor } from '../hostTensor.ts';
import { Model, type ModelInputs, type ModelOutput } from '../model.ts';
import type { PartGroup } from './changedPart.ts';
import { DifferenceMeter } from './difference.ts';

/** What comparing takes, and how it is stopped and watched. */
export interface RunOptions {
  /** Ends the work early, with `Aborted`. */
  readonly signal?: AbortSignal;
  /** Told after each run of a model, or of a part of one, how many were done, of how many. */
  readonly onProgress?: (runs: number, total: number) => void;
}

type Outputs = ReadonlyMap<string, ModelOutput>;

/** The work of comparing one model with changed ones. Host memory: its outputs for all samples. */
export class Comparison {
  readonly #model: Model;
  readonly #samples: readonly ModelInputs[];
  readonly #options: RunOptions;
  readonly #total: number;
  #wanted: readonly ReadonlyMap<string, HostTensor>[] = [];
  #runs = 0;

  /** @param graphs how many graphs, models and parts will be run on the samples, for progress: see `runsOf` */
  constructor(model: Model, samples: readonly ModelInputs[], graphs: number, options: RunOptions) {
    this.#model = model;
    this.#samples = samples;
    this.#options = options;
    this.#total = graphs * samples.length;
  }

  /** Runs models side by side on each sample in turn; their outputs are disposed when `visit` is done with them. */
  async run(
    models: readonly Model[],
    visit: (outputs: readonly Outputs[], sample: number) => Promise<void>,
  ): Promise<void> {
    for (const [index, sample] of this.#samples.entries()) {
      this.#assertGoingOn();
      const results = models.map((model) => model.run(sample));
      try {
        await visit(results, index);
      } finally {
        results.forEach(dispose);
      }
      this.#count(models.length);
    }
  }

  /** Noise by signal of a graph's outputs: the mean over them. */
  async noise(graph: Graph): Promise<number> {
    return this.#noiseOf(graph, this.#samples);
  }

  /**
   * The same of changed graphs, of which only what differs from the base is run. Memory on the GPU: the values that the parts of
   * a group read, for all samples.
   */
  async noises(base: Graph, groups: readonly PartGroup[]): Promise<number[]> {
    const { engine, operators } = this.#model;
    const found: number[] = [];
    for (const { values, parts } of groups) {
      const outputs = values.map((name) => ({ name, elementType: undefined, dimensions: undefined }));
      const kept: Outputs[] = [];
      try {
        using model = new Model(engine, { ...base, outputs }, operators);
        for (const sample of this.#samples) {
          this.#assertGoingOn();
          kept.push(model.run(sample));
          this.#count(1);
        }
        for (const part of parts) {
          const inputs = this.#samples.map((sample, index) => inputsOf(part, sample, kept[index]));
          found.push(await this.#noiseOf(part, inputs));
        }
      } finally {
        kept.forEach(dispose);
      }
    }
    return found;
  }

  /** @param inputs of the graph, one for each sample */
  async #noiseOf(graph: Graph, inputs: readonly ModelInputs[]): Promise<number> {
    const wanted = await this.#outputs();
    const { engine, operators, graph: reference } = this.#model;
    const meters = new Map(reference.outputs.map(({ name }) => [name, new DifferenceMeter()]));
    using changed = new Model(engine, graph, operators);
    for (const [index, each] of inputs.entries()) {
      this.#assertGoingOn();
      const outputs = changed.run(each);
      try {
        for (const [name, meter] of meters) {
          const [reference, found] = [wanted[index]?.get(name), await outputs.get(name)?.read()];
          if (reference && found) meter.add(reference.data, found.data);
        }
      } finally {
        dispose(outputs);
      }
      this.#count(1);
    }
    return meanNoise(meters.values());
  }

  /** What the model itself gives for each sample. */
  async #outputs(): Promise<readonly ReadonlyMap<string, HostTensor>[]> {
    if (this.#wanted.length > 0) return this.#wanted;
    const wanted: Map<string, HostTensor>[] = [];
    await this.run([this.#model], async ([outputs = new Map()], sample) => {
      const values = new Map<string, HostTensor>();
      for (const [name, output] of outputs) values.set(name, await output.read());
      wanted[sample] = values;
    });
    this.#wanted = wanted;
    return wanted;
  }

  #assertGoingOn(): void {
    if (!this.#options.signal?.aborted) return;
    throw new Aborted('The comparison was stopped before its end; start it again.');
  }

  #count(runs: number): void {
    this.#runs += runs;
    this.#options.onProgress?.(this.#runs, this.#total);
  }
}

/** How many graphs and parts `noises` runs. */
export const runsOf = (groups: readonly PartGroup[]): number =>
  groups.reduce((sum, { parts }) => sum + 1 + parts.length, 0);

/** Inputs of a part: values that were kept, and what the model itself was given. */
function inputsOf(part: Graph, sample: ModelInputs, kept: Outputs | undefined): ModelInputs {
  const inputs: Record<string, ModelInputs[string]> = {};
  for (const { name } of part.inputs) {
    const value = kept?.get(name)?.tensor ?? sample[name];
    if (value) inputs[name] = value;
  }
  return inputs;
}

function dispose(outputs: Outputs): void {
  for (const output of outputs.values()) output.dispose();
}

/** Mean of the noise by signal of several outputs. */
export function meanNoise(meters: Iterable<DifferenceMeter>): number {
  const ratios = Array.from(meters, ({ noiseToSignal }) => noiseToSignal);
  return ratios.reduce((sum, ratio) => sum + ratio, 0) / Math.max(ratios.length, 1);
}
