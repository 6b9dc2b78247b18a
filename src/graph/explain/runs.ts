/** Runs that compare models, and read what they give. */
import { Aborted } from '../../base/errors.ts';
import type { Graph } from '../graph.ts';
import type { HostTensor } from '../hostTensor.ts';
import { Model, type ModelInputs, type ModelOutput } from '../model.ts';
import { DifferenceMeter } from './difference.ts';

/** What comparing takes, and how it is stopped and watched. */
export interface RunOptions {
  /** Ends the work early, with `Aborted`. */
  readonly signal?: AbortSignal;
  /** Told after each run of a model how many were done, of how many. */
  readonly onProgress?: (runs: number, total: number) => void;
}

/** The work of comparing one model with changed ones. Host memory: its outputs for all samples. */
export class Comparison {
  readonly #model: Model;
  readonly #samples: readonly ModelInputs[];
  readonly #options: RunOptions;
  readonly #total: number;
  #wanted: readonly ReadonlyMap<string, HostTensor>[] = [];
  #runs = 0;

  /** @param graphs how many graphs and models will be run on the samples, for progress */
  constructor(model: Model, samples: readonly ModelInputs[], graphs: number, options: RunOptions) {
    this.#model = model;
    this.#samples = samples;
    this.#options = options;
    this.#total = graphs * samples.length;
  }

  /** Runs models side by side on each sample in turn; their outputs are disposed when `visit` is done with them. */
  async run(
    models: readonly Model[],
    visit: (outputs: readonly ReadonlyMap<string, ModelOutput>[], sample: number) => Promise<void>,
  ): Promise<void> {
    for (const [index, sample] of this.#samples.entries()) {
      if (this.#options.signal?.aborted) {
        throw new Aborted('The comparison was stopped before its end; start it again.');
      }
      const results = models.map((model) => model.run(sample));
      try {
        await visit(results, index);
      } finally {
        for (const outputs of results) for (const output of outputs.values()) output.dispose();
      }
      this.#runs += models.length;
      this.#options.onProgress?.(this.#runs, this.#total);
    }
  }

  /** How far the outputs of a graph lie from those of the model, by name. */
  async differences(graph: Graph): Promise<ReadonlyMap<string, DifferenceMeter>> {
    if (this.#wanted.length === 0) {
      const wanted: Map<string, HostTensor>[] = [];
      await this.run([this.#model], async ([outputs = new Map()], sample) => {
        const values = new Map<string, HostTensor>();
        for (const [name, output] of outputs) values.set(name, await output.read());
        wanted[sample] = values;
      });
      this.#wanted = wanted;
    }
    const { engine, operators, graph: reference } = this.#model;
    const meters = new Map(reference.outputs.map(({ name }) => [name, new DifferenceMeter()]));
    using changed = new Model(engine, graph, operators);
    await this.run([changed], async ([outputs], sample) => {
      for (const [name, meter] of meters) {
        const [wanted, found] = [this.#wanted[sample]?.get(name), await outputs?.get(name)?.read()];
        if (wanted && found) meter.add(wanted.data, found.data);
      }
    });
    return meters;
  }

  /** Noise by signal of a graph's outputs: the mean over them. */
  async noise(graph: Graph): Promise<number> {
    return meanNoise((await this.differences(graph)).values());
  }
}

/** Mean of the noise by signal of several outputs. */
export function meanNoise(meters: Iterable<DifferenceMeter>): number {
  const ratios = Array.from(meters, ({ noiseToSignal }) => noiseToSignal);
  return ratios.reduce((sum, ratio) => sum + ratio, 0) / Math.max(ratios.length, 1);
}
