import type { Engine } from '../../src/index.ts';
import { elementIn, listFigures, make, showError } from '../shared/elements.ts';
import { type Pacer, shortestStageMilliseconds } from '../shared/pacer.ts';
import { pressKeys, steer } from '../shared/steering.ts';
import { algorithms, type Outcome, type Stage } from './algorithms.ts';
import { AxesOverlay } from './axesOverlay.ts';
import type { Choices } from './choices.ts';
import type { HeldCloud, PlottedAxis } from './cloud.ts';
import { ClusterColours, type SharedColours } from './clusterColours.ts';
import { Extras } from './extras.ts';
import { Fields } from './fields.ts';
import { duration, sizeRange } from './figures.ts';
import { pointAt } from './picking.ts';
import type { PlotCamera } from './plotCamera.ts';
import { Scatter } from './scatter.ts';
import type { ScatterPipelines } from './scatterLayers.ts';
import { scoresOf, sizesOf } from './scores.ts';
import { TimedTurns, type Turns } from './turns.ts';

/** What panes share. */
export interface PaneSetting {
  readonly engine: Engine;
  readonly camera: PlotCamera;
  readonly pipelines: ScatterPipelines;
  readonly turns: Turns;
  readonly colours: SharedColours;
  /** Called when the view of one pane was moved. */
  readonly onView: () => void;
  /** Called when a point was pressed, or none where there is none. */
  readonly onPick: (row: number | undefined) => void;
  /** Called when what was found in a pane is cut into other clusters. */
  readonly onCut: () => void;
  /** Called when what is to be computed was changed. */
  readonly onChange: () => void;
}

/** One algorithm on the points: its plot, its form and what came out. */
export class Pane {
  readonly root: HTMLElement;
  readonly scatter: Scatter;
  readonly #setting: PaneSetting;
  readonly #fields: Fields;
  readonly #choice: HTMLSelectElement;
  readonly #status: HTMLElement;
  readonly #figures: HTMLDListElement;
  readonly #extras: Extras;
  #held: HeldCloud | undefined;
  #axes: readonly PlottedAxis[] = [];
  #outcome: Outcome | undefined;
  #abort: AbortController | undefined;
  readonly #colours: ClusterColours;

  /** @param algorithm to begin with */
  constructor(setting: PaneSetting, root: HTMLElement, algorithm: string) {
    this.#setting = setting;
    this.#colours = new ClusterColours(setting.colours);
    this.root = root;
    this.#choice = elementIn(root, '.algorithm', HTMLSelectElement);
    this.#choice.append(...Object.entries(algorithms).map(([value, { title }]) => make('option', { value }, title)));
    this.#choice.value = algorithm;
    this.#fields = new Fields(elementIn(root, '.fields', HTMLElement));
    this.#status = elementIn(root, '.pane-status', HTMLElement);
    this.#figures = elementIn(root, '.figures', HTMLDListElement);
    const canvas = elementIn(root, 'canvas', HTMLCanvasElement);
    const { engine, camera, pipelines, onView } = setting;
    this.scatter = new Scatter(engine, canvas, camera, pipelines);
    const overlay = new AxesOverlay(elementIn(root, '.axes', SVGSVGElement));
    this.scatter.onFrame = (matrix) => overlay.draw(matrix, this.#axes, this.#held?.cloud.columns ?? []);
    steer(canvas, camera, onView, (x, y) => this.#pick(canvas, x, y));
    pressKeys(
      canvas,
      (['+', '-', '0'] as const).map((key) => [elementIn(root, `[data-key="${key}"]`, HTMLButtonElement), key]),
    );
    this.#extras = new Extras(elementIn(root, '.extras', HTMLElement), {
      cut: (clusters) => this.#cut(clusters),
      cutAtLast: () => this.#judgeCut(),
    });
    this.#choice.addEventListener('change', () => this.#choose());
    elementIn(root, '.fields', HTMLElement).addEventListener('input', () => setting.onChange());
    this.#showFields();
  }

  /** What it found, if it has finished. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** Enters what an address asks for. */
  enter(name: string, value: string): void {
    this.#fields.enter(name, value);
  }

  setCloud(held: HeldCloud, axes: readonly PlottedAxis[]): void {
    this.#held = held;
    this.#axes = axes;
    this.scatter.setCloud(held, axes);
    this.reset();
  }

  setAxes(axes: readonly PlottedAxis[]): void {
    this.#axes = axes;
    this.scatter.setAxes(axes);
  }

  /** Ends what runs and shows the points without clusters. */
  reset(): void {
    this.stop();
    this.#outcome = undefined;
    this.#colours.clear();
    this.scatter.clear();
    this.#figures.hidden = true;
    this.#extras.clear();
    this.#status.textContent = this.#held ? 'Not clustered yet.' : 'Waiting for points …';
  }

  /** Ends what runs, and leaves what is shown. */
  stop(): void {
    if (!this.#abort) return;
    this.#abort.abort();
    this.#abort = undefined;
    this.#status.textContent = 'Stopped.';
  }

  /** Whether what was entered can be computed; says what is wrong otherwise. */
  check(): Choices | undefined {
    return this.#fields.read();
  }

  /** Clusters the points. Resolves when that is done, was stopped or failed, which it says. */
  async run(choices: Choices, pacer: Pacer): Promise<void> {
    const held = this.#held;
    const algorithm = algorithms[this.#choice.value];
    if (!held || !algorithm) return;
    this.reset();
    const abort = new AbortController();
    this.#abort = abort;
    const { signal } = abort;
    const clock = new TimedTurns(this.#setting.turns);
    let due = 0;
    this.#status.textContent = 'Waiting for its turn …';
    try {
      await clock.begin();
      signal.throwIfAborted();
      this.#status.textContent = 'Starting …';
      const { points } = held.cloud;
      const outcome = await algorithm.fit({
        engine: this.#setting.engine,
        source: held.source,
        points,
        choices,
        signal,
        say: (text) => {
          if (!signal.aborted) this.#status.textContent = text;
        },
        isDue: () => pacer.paused || clock.milliseconds >= due,
        show: async (stage) => {
          clock.stop();
          const begun = performance.now();
          await this.#show(stage, signal);
          due = clock.milliseconds + performance.now() - begun;
          clock.end();
          await pacer.pass(shortestStageMilliseconds, signal);
          await clock.begin();
          signal.throwIfAborted();
        },
      });
      clock.end();
      signal.throwIfAborted();
      await this.#conclude(held, outcome, clock.milliseconds, signal);
    } catch (error) {
      if (!signal.aborted) {
        showError(error);
        this.#status.textContent = 'Not done: see the message at the top.';
      }
    } finally {
      clock.end();
      if (this.#abort === abort) this.#abort = undefined;
    }
  }

  /** Lets a point stand out. @returns its cluster, −1 if it has none */
  async choose(row: number | undefined): Promise<number> {
    this.scatter.choose(row);
    return row === undefined ? -1 : await this.scatter.labelOf(row);
  }

  /** Gives its memory back. */
  release(): void {
    this.stop();
    this.scatter.release();
    this.root.remove();
  }

  async #show({ text, labels, centroids }: Stage, signal: AbortSignal): Promise<void> {
    const cloud = this.#held?.cloud;
    if (signal.aborted || !cloud) return;
    this.#status.textContent = text;
    await this.scatter.copyLabels(typeof labels === 'function' ? await labels() : labels);
    if (signal.aborted) return;
    this.scatter.setColours(this.#colours.atStage(cloud, this.#axes, centroids));
    this.scatter.setCentroids(centroids);
    // The GPU is busy with the picture until then, and that is not to be counted as work.
    await this.scatter.drawn();
  }

  async #conclude(held: HeldCloud, outcome: Outcome, milliseconds: number, signal: AbortSignal): Promise<void> {
    const { labels, centroids } = outcome;
    const found = { ...outcome, figures: { ...outcome.figures, Time: duration(milliseconds) } };
    this.#outcome = found;
    this.scatter.setLabels(labels);
    this.scatter.setColours(this.#colours.atEnd(held.cloud, this.#axes, labels, centroids));
    if (centroids) this.scatter.setCentroids(centroids);
    this.#status.textContent = outcome.text;
    this.#listFigures(found.figures);
    this.#extras.show(held.cloud, outcome);
    await this.#score(held, found, signal);
  }

  #listFigures(figures: Outcome['figures']): void {
    listFigures(this.#figures, figures);
    this.#figures.hidden = false;
  }

  /** Adds to the figures how good a clustering is. */
  async #score(held: HeldCloud, { labels, figures }: Outcome, signal: AbortSignal): Promise<void> {
    const { engine, turns } = this.#setting;
    const end = await turns.take();
    const scores = await scoresOf(engine, held, labels, signal).finally(end);
    if (!signal.aborted) this.#listFigures({ ...figures, ...scores });
  }

  /** Cuts the hierarchy into another number of clusters. */
  #cut(clusters: number): void {
    const before = this.#outcome;
    if (!before?.hierarchy || !this.#held) return;
    this.#abort?.abort();
    const labels = before.hierarchy.labelsAt({ clusters });
    const found = { ...before, labels, figures: { ...before.figures, ...sizeRange(sizesOf(labels, clusters)) } };
    this.#outcome = found;
    this.scatter.setLabels(labels);
    this.scatter.setColours(this.#colours.atCut(this.#held.cloud, this.#axes, labels, before.labels));
    this.#status.textContent = `Cut into ${clusters}.`;
    this.#listFigures(found.figures);
  }

  /** Judges what the hierarchy was cut into last. */
  async #judgeCut(): Promise<void> {
    const [held, outcome] = [this.#held, this.#outcome];
    if (!held || !outcome) return;
    this.#setting.onCut();
    const abort = new AbortController();
    this.#abort = abort;
    try {
      await this.#score(held, outcome, abort.signal);
    } catch (error) {
      if (!abort.signal.aborted) showError(error);
    } finally {
      if (this.#abort === abort) this.#abort = undefined;
    }
  }

  #pick(canvas: HTMLCanvasElement, x: number, y: number): void {
    if (!this.#held) return;
    const size = { width: canvas.clientWidth, height: canvas.clientHeight };
    const matrix = this.#setting.camera.project(size.width / size.height);
    this.#setting.onPick(pointAt(this.#held.cloud, this.#axes, matrix, size, { x, y }));
  }

  #choose(): void {
    this.#showFields();
    this.reset();
    this.#setting.onChange();
  }

  #showFields(): void {
    this.#fields.show(algorithms[this.#choice.value]?.fields ?? []);
  }
}
