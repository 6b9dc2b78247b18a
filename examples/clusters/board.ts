import { adjustedRand, type Engine } from '../../src/index.ts';
import { clearError, element, elementIn, grouped, showError } from '../shared/elements.ts';
import type { Pacer } from '../shared/pacer.ts';
import { RunControls } from '../shared/runControls.ts';
import { type Axes, type Cloud, HeldCloud } from './cloud.ts';
import { SharedColours } from './clusterColours.ts';
import { Pane, type PaneSetting } from './pane.ts';
import { PlotCamera } from './plotCamera.ts';
import type { ScatterPipelines } from './scatterLayers.ts';
import { Turns } from './turns.ts';

const mostPanes = 4;
/** What further panes begin with. */
const nextAlgorithms = ['k-means', 'dbscan', 'mixture', 'hierarchical'] as const;

/** The panes side by side, on the same points from the same viewpoint, and the buttons that rule them all. */
export class Board {
  readonly #engine: Engine;
  readonly #setting: PaneSetting;
  readonly #panes: Pane[] = [];
  readonly #list = element('panes', HTMLDivElement);
  readonly #controls: RunControls;
  readonly #add = element('add', HTMLButtonElement);
  readonly #row = element('row', HTMLInputElement);
  readonly #picked = element('picked', HTMLParagraphElement);
  readonly #agreement = element('agreement', HTMLParagraphElement);
  #held: HeldCloud | undefined;
  #axes: Axes = [0, 1, undefined];
  #choice: number | undefined;

  constructor(engine: Engine, pipelines: ScatterPipelines) {
    this.#engine = engine;
    this.#setting = {
      engine,
      pipelines,
      camera: new PlotCamera(),
      turns: new Turns(),
      colours: new SharedColours(),
      onView: () => this.#draw(),
      onPick: (row) => this.#choose(row),
      onCut: () => this.#compare(),
      onChange: () => this.reset(),
    };
    this.#controls = new RunControls(element('run-form', HTMLFormElement), {
      start: (makePacer) => this.#start(makePacer),
      reset: () => this.reset(),
      stop: () => this.#stopAll(),
    });
    this.#add.addEventListener('click', () => this.addPane());
    this.#row.addEventListener('input', () => {
      const row = this.#row.valueAsNumber;
      this.#choose(this.#row.checkValidity() && Number.isInteger(row) ? row : undefined);
    });
    document.addEventListener('keydown', (event) => {
      const isElsewhere = event.target instanceof Element && event.target.closest('input, select, button, a, summary');
      if (event.key !== ' ' || isElsewhere) return;
      event.preventDefault();
      this.toggle();
    });
  }

  get held(): HeldCloud | undefined {
    return this.#held;
  }

  /** Adds a pane. @param algorithm to begin with */
  addPane(algorithm: string = nextAlgorithms[this.#panes.length] ?? 'k-means'): Pane {
    const template = element('pane', HTMLTemplateElement);
    const root = elementIn(template.content.cloneNode(true) as DocumentFragment, '.pane', HTMLElement);
    this.#list.append(root);
    const pane = new Pane(this.#setting, root, algorithm);
    this.#panes.push(pane);
    elementIn(root, '.remove', HTMLButtonElement).addEventListener('click', () => this.#remove(pane));
    if (this.#held) pane.setCloud(this.#held, this.#held.plotted(this.#axes));
    this.#name();
    return pane;
  }

  /** Shows other points. */
  setCloud(cloud: Cloud, axes: Axes): void {
    const held = new HeldCloud(this.#engine, cloud);
    this.#held?.release();
    this.#held = held;
    this.#axes = axes;
    this.#setting.camera.flat = axes[2] === undefined;
    for (const pane of this.#panes) pane.setCloud(held, held.plotted(axes));
    this.#row.max = String(cloud.points.rowCount - 1);
    this.#choose(undefined);
    this.#controls.ready = true;
    this.#end();
  }

  /** Draws along other columns. */
  setAxes(axes: Axes): void {
    const isFlat = axes[2] === undefined;
    this.#axes = axes;
    if (this.#setting.camera.flat !== isFlat) this.#setting.camera.flat = isFlat;
    for (const pane of this.#panes) if (this.#held) pane.setAxes(this.#held.plotted(axes));
  }

  /** Runs, pauses or goes on. */
  toggle(): void {
    this.#controls.toggle();
  }

  /** Ends what runs and shows the points without clusters. */
  reset(): void {
    for (const pane of this.#panes) pane.reset();
    this.#end();
  }

  #stopAll(): void {
    for (const pane of this.#panes) pane.stop();
    this.#end();
  }

  #end(): void {
    this.#agreement.hidden = true;
    this.#controls.end();
  }

  async #start(makePacer: () => Pacer): Promise<void> {
    if (!this.#held) return;
    clearError();
    const choices = this.#panes.map((pane) => pane.check());
    const panes = this.#panes.flatMap((pane, index) => {
      const chosen = choices[index];
      return chosen ? [{ pane, chosen, pacer: makePacer() }] : [];
    });
    if (panes.length < this.#panes.length) return;
    this.#agreement.hidden = true;
    const pacers = panes.map(({ pacer }) => pacer);
    this.#setting.colours.clear();
    this.#controls.begin(pacers);
    await Promise.all(panes.map(({ pane, chosen, pacer }) => pane.run(chosen, pacer))).catch(showError);
    if (!this.#controls.isRunning(pacers)) return;
    this.#end();
    this.#compare();
  }

  /** Says anew what was found. */
  #compare(): void {
    this.#showAgreement();
    this.#choose(this.#choice);
  }

  /** How far panes agree on who belongs together. */
  #showAgreement(): void {
    const done = this.#panes.flatMap(({ outcome }, index) => (outcome ? [{ outcome, name: letter(index) }] : []));
    const pairs = done.flatMap((left, index) => done.slice(index + 1).map((right) => ({ left, right })));
    this.#agreement.hidden = pairs.length === 0;
    const parts = pairs.map(
      ({ left, right }) =>
        `${left.name} and ${right.name}: ${adjustedRand(left.outcome.labels, right.outcome.labels).toFixed(3)}`,
    );
    this.#agreement.textContent = `Adjusted Rand index of ${parts.join('; ')}.`;
  }

  async #choose(row: number | undefined): Promise<void> {
    this.#choice = row;
    const { cloud } = this.#held ?? {};
    if (!cloud) return;
    if (document.activeElement !== this.#row || row !== undefined)
      this.#row.value = row === undefined ? '' : String(row);
    const labels = await Promise.all(this.#panes.map((pane) => pane.choose(row)));
    if (this.#choice !== row || this.#held?.cloud !== cloud) return;
    if (row === undefined) {
      this.#picked.textContent = 'Press a point to see what it is.';
      return;
    }
    const { data, columnCount } = cloud.points;
    const name = cloud.rowNames?.[row];
    const shown = Math.min(columnCount, 8);
    const coordinates = Array.from(
      { length: shown },
      (_, column) => `${cloud.columns[column]} ${Number((data[row * columnCount + column] as number).toPrecision(6))}`,
    );
    if (shown < columnCount) coordinates.push('…');
    const clusters = labels.map((label, index) => {
      const where = this.#panes.length > 1 ? `${letter(index)}: ` : '';
      return where + (label < 0 ? (this.#panes[index]?.outcome ? 'noise' : 'no cluster') : `cluster ${label}`);
    });
    this.#picked.textContent = `Row ${grouped(row)}${name ? ` (${name})` : ''}: ${coordinates.join(', ')}; ${clusters.join(', ')}.`;
  }

  #remove(pane: Pane): void {
    pane.release();
    this.#panes.splice(this.#panes.indexOf(pane), 1);
    this.#name();
    this.#add.focus();
  }

  /** Letters for the panes, if there are several. */
  #name(): void {
    this.#list.dataset.count = String(this.#panes.length);
    for (const [index, { root }] of this.#panes.entries()) {
      elementIn(root, '.letter', HTMLElement).textContent = this.#panes.length > 1 ? letter(index) : '';
      elementIn(root, '.remove', HTMLButtonElement).hidden = this.#panes.length === 1;
    }
    this.#add.disabled = this.#panes.length >= mostPanes;
  }

  #draw(): void {
    for (const { scatter } of this.#panes) scatter.draw();
  }
}

function letter(index: number): string {
  return String.fromCharCode(65 + index);
}
