import { Aborted, type Engine, type HostPoints, KMeans, type KMeansFit } from '../../src/index.ts';
import { clearError, element, grouped, listFigures, showError } from '../shared/elements.ts';
import { type Pacer, shortestStageMilliseconds } from '../shared/pacer.ts';
import { coloursFor } from '../shared/palette.ts';
import { RunControls } from '../shared/runControls.ts';
import { pressKeys, steer } from '../shared/steering.ts';
import { Globe } from './globe.ts';

/** The most that the form allows. */
const maximumClusters = 256;

interface Run {
  readonly pacer: Pacer;
  readonly abort: AbortController;
}

/** The globe with its form: k-means that runs, pauses and steps, drawn as it goes. */
export class ClusterPanel {
  readonly #engine: Engine;
  readonly #points: HostPoints;
  readonly #globe: Globe;
  readonly #controls: RunControls;
  readonly #clusters = element('clusters', HTMLInputElement);
  readonly #seed = element('seed', HTMLInputElement);
  readonly #status = element('cluster-status', HTMLParagraphElement);
  readonly #figures = element('cluster-figures', HTMLDListElement);
  #run: Run | undefined;

  private constructor(engine: Engine, points: HostPoints, globe: Globe) {
    this.#engine = engine;
    this.#points = points;
    this.#globe = globe;
    this.#controls = new RunControls(element('cluster-form', HTMLFormElement), {
      start: (makePacer) => this.#start(makePacer()),
      reset: () => this.#reset(),
    });
    this.#controls.ready = true;
    for (const input of [this.#clusters, this.#seed]) input.addEventListener('input', () => this.#reset());
    this.#reset();
  }

  /** @param points unit vectors */
  static async create(engine: Engine, points: HostPoints): Promise<ClusterPanel> {
    const canvas = element('globe', HTMLCanvasElement);
    const positions = engine.tensor(Float32Array.from(points.data), [points.rowCount, points.columnCount]);
    const globe = await Globe.create(engine, canvas, positions, maximumClusters);
    steer(canvas, globe.camera, () => globe.draw());
    pressKeys(canvas, [
      [element('zoom-in', HTMLButtonElement), '+'],
      [element('zoom-out', HTMLButtonElement), '-'],
      [element('zoom-reset', HTMLButtonElement), '0'],
    ]);
    return new ClusterPanel(engine, points, globe);
  }

  /** Ends what runs and shows the cities without clusters. */
  #reset(): void {
    this.#run?.abort.abort();
    this.#run = undefined;
    this.#globe.clear();
    this.#figures.hidden = true;
    this.#status.textContent = `${grouped(this.#points.rowCount)} cities, not clustered yet.`;
    this.#controls.end();
  }

  async #start(pacer: Pacer): Promise<void> {
    this.#reset();
    clearError();
    const run: Run = { pacer, abort: new AbortController() };
    this.#run = run;
    this.#status.textContent = 'Seeding …';
    this.#controls.begin([pacer]);
    const start = performance.now();
    try {
      const fit = await this.#fit(run);
      if (run.abort.signal.aborted) return;
      this.#globe.setLabels(fit.labels);
      this.#globe.setCentroids(fit.centroids);
      await this.#showFit(fit, performance.now() - start - pacer.idleMilliseconds);
    } catch (error) {
      if (error instanceof Aborted) return;
      showError(error);
      this.#status.textContent = 'The clustering failed.';
    }
    if (this.#run !== run) return;
    this.#run = undefined;
    this.#controls.end();
  }

  #fit({ pacer, abort: { signal } }: Run): Promise<KMeansFit> {
    const clusters = this.#clusters.valueAsNumber;
    const pointCount = this.#points.rowCount;
    let begun = performance.now();
    let changed = pointCount;
    return new KMeans({ clusters, seed: this.#seed.valueAsNumber, tolerance: 1e-4, maximumIterations: 300 }).fit(
      this.#engine,
      this.#points,
      {
        signal,
        onProgress: (progress) => {
          changed = progress.changed;
        },
        onIteration: async ({ iteration, labels, readCentroids }) => {
          await this.#globe.copyLabels(labels);
          const centroids = await readCentroids();
          if (signal.aborted) return;
          if (iteration === 1) this.#globe.setColours(coloursFor(centroids));
          this.#globe.setCentroids(centroids);
          const milliseconds = performance.now() - begun;
          this.#status.textContent = `Iteration ${iteration}: ${grouped(changed)} of ${grouped(pointCount)} cities changed cluster (${Math.round(milliseconds)} ms)`;
          await pacer.pass(Math.max(shortestStageMilliseconds - milliseconds, 0), signal);
          begun = performance.now();
        },
      },
    );
  }

  async #showFit(fit: KMeansFit, milliseconds: number): Promise<void> {
    this.#status.textContent = fit.converged
      ? `Done: converged after ${fit.iterations} iterations.`
      : `Stopped after ${fit.iterations} iterations without converging.`;
    const hash = await fit.labelsSha256();
    const figures = {
      Inertia: fit.inertia.toPrecision(9),
      Time: `${(milliseconds / 1000).toFixed(1)} s`,
      'Cities a cluster': `${grouped(Math.min(...fit.sizes))} to ${grouped(Math.max(...fit.sizes))}`,
      'Labels, SHA-256': `${hash.slice(0, 12)}…`,
    };
    listFigures(this.#figures, figures);
    this.#figures.hidden = false;
  }
}
