import { type Engine, Tensor } from '../../src/index.ts';
import { elementIn, listFigures, make, showError } from '../shared/elements.ts';
import type { Pacer } from '../shared/pacer.ts';
import { pressKeys, steer } from '../shared/steering.ts';
import { algorithms, type Outcome, type Stage } from './algorithms.ts';
import { AxesOverlay } from './axesOverlay.ts';
import type { Choices } from './choices.ts';
import type { HeldCloud, PlottedAxis } from './cloud.ts';
import { clusterColours } from './clusterColours.ts';
import { Extras } from './extras.ts';
import { Fields } from './fields.ts';
import { duration } from './figures.ts';
import { pointAt } from './picking.ts';
import type { PlotCamera } from './plotCamera.ts';
import { Scatter } from './scatter.ts';
import type { ScatterPipelines } from './scatterLayers.ts';
import { scoresOf } from './scores.ts';
import { TimedTurns, type Turns } from './turns.ts';

/** On a fast GPU an iteration would be over before it is seen. */
const shortestStageMilliseconds = 90;

/** What panes share. */
export interface PaneSetting {
  readonly engine: Engine;
  readonly camera: PlotCamera;
  readonly pipelines: ScatterPipelines;
  readonly turns: Turns;
  /** Called when the view of one pane was moved. */
  readonly onView: () => void;
  /** Called when a point was pressed, or none where there is none. */
  readonly onPick: (row: number | undefined) => void;
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
  #coloured = 0;

  /** @param algorithm to begin with */
  constructor(setting: PaneSetting, root: HTMLElement, algorithm: string) {
    this.#setting = setting;
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
    this.#extras = new Extras(elementIn(root, '.extras', HTMLElement), (clusters) => this.#cut(clusters));
    this.#choice.addEventListener('change', () => this.#choose());
    elementIn(root, '.fields', HTMLElement).addEventListener('input', () => setting.onChange());
    this.#showFields();
  }

  /** What it found, if it has finished. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** The algorithm's name. */
  get title(): string {
    return algorithms[this.#choice.value]?.title ?? '';
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
    this.#coloured = 0;
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
        show: async (stage) => {
          clock.stop();
          await this.#show(stage, signal);
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
    if (signal.aborted) return;
    this.#status.textContent = text;
    if (labels instanceof Tensor) await this.scatter.copyLabels(labels);
    else this.scatter.setLabels(labels);
    if (signal.aborted) return;
    this.#showCentroids(centroids ?? labels);
  }

  /** Colours clusters where they are first seen, and shows their centroids if there are any. */
  #showCentroids(clusters: Float64Array | Int32Array | Tensor<'int32'>): void {
    const cloud = this.#held?.cloud;
    if (!cloud || clusters instanceof Tensor) return;
    const count =
      clusters instanceof Float64Array
        ? clusters.length / cloud.points.columnCount
        : clusters.reduce((most, label) => Math.max(most, label), -1) + 1;
    if (count !== this.#coloured || cloud.picture) {
      this.scatter.setColours(clusterColours(cloud, this.#axes, clusters));
      this.#coloured = count;
    }
    if (clusters instanceof Float64Array) this.scatter.setCentroids(clusters);
  }

  async #conclude(held: HeldCloud, outcome: Outcome, milliseconds: number, signal: AbortSignal): Promise<void> {
    this.#outcome = outcome;
    this.scatter.setLabels(outcome.labels);
    this.#showCentroids(outcome.centroids ?? outcome.labels);
    this.#status.textContent = outcome.text;
    const figures = { ...outcome.figures, Time: duration(milliseconds) };
    listFigures(this.#figures, figures);
    this.#figures.hidden = false;
    this.#extras.show(held.cloud, outcome);
    const { engine, turns } = this.#setting;
    const end = await turns.take();
    const scores = await scoresOf(engine, held, outcome.labels, signal).finally(end);
    if (!signal.aborted) listFigures(this.#figures, { ...figures, ...scores });
  }

  /** Cuts the hierarchy into another number of clusters. */
  #cut(clusters: number): void {
    const { hierarchy } = this.#outcome ?? {};
    if (!this.#outcome || !hierarchy) return;
    const labels = hierarchy.labelsAt({ clusters });
    this.#outcome = { ...this.#outcome, labels };
    this.scatter.setLabels(labels);
    this.#showCentroids(labels);
    this.#status.textContent = `Cut into ${clusters}.`;
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
