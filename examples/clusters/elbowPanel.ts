import { Aborted, type Engine, elbow, InvalidInput } from '../../src/index.ts';
import { clearError, element, grouped, makeSvg, showError } from '../shared/elements.ts';
import type { HeldCloud } from './cloud.ts';
import { drawCurve } from './curve.ts';
import { quantity } from './figures.ts';

/** Points whose silhouettes are averaged: with shaders on the CPU, and on a GPU. */
const silhouettePoints = { software: 300, hardware: 2000 } as const;

/** How inertia and silhouette depend on the number of clusters. */
export class ElbowPanel {
  readonly #engine: Engine;
  readonly #held: () => HeldCloud | undefined;
  readonly #least = element('elbow-least', HTMLInputElement);
  readonly #most = element('elbow-most', HTMLInputElement);
  readonly #button = element('elbow-run', HTMLButtonElement);
  readonly #status = element('elbow-status', HTMLParagraphElement);
  readonly #charts = element('elbow-charts', HTMLDivElement);
  #abort: AbortController | undefined;

  /** @param held the points at that time */
  constructor(engine: Engine, held: () => HeldCloud | undefined) {
    this.#engine = engine;
    this.#held = held;
    element('elbow-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#abort) this.#abort.abort();
      else this.#run();
    });
  }

  /** Forgets what was found for other points. */
  clear(): void {
    this.#abort?.abort();
    this.#charts.replaceChildren();
    this.#status.textContent = '';
  }

  async #run(): Promise<void> {
    const held = this.#held();
    if (!held) return;
    clearError();
    const abort = new AbortController();
    this.#abort = abort;
    this.#button.textContent = 'Stop';
    try {
      const [least, most] = [this.#least.valueAsNumber, this.#most.valueAsNumber];
      if (most - least < 2) {
        throw new InvalidInput(`k goes from ${least} to ${most}; compare at least three numbers of clusters.`);
      }
      const count = Math.min(most - least + 1, 24);
      const clusters = [
        ...new Set(
          Array.from({ length: count }, (_, place) => Math.round(least + ((most - least) * place) / (count - 1))),
        ),
      ];
      this.#status.textContent = 'Comparing …';
      const { signal } = abort;
      const found = await elbow(this.#engine, held.source, {
        clusters,
        silhouetteSample: this.#engine.info.software ? silhouettePoints.software : silhouettePoints.hardware,
        signal,
        onProgress: ({ clusters: k, inertia }) => {
          this.#status.textContent = `k = ${k}: inertia ${quantity(inertia)}`;
        },
      });
      if (signal.aborted) return;
      this.#show(found);
    } catch (error) {
      const isStopped = error instanceof Aborted || abort.signal.aborted;
      this.#status.textContent = isStopped ? 'Stopped.' : 'Not done: see the message at the top.';
      if (!isStopped) showError(error);
    } finally {
      this.#abort = undefined;
      this.#button.textContent = 'Try each';
    }
  }

  #show({ entries, elbow: bend, bestSilhouette }: Awaited<ReturnType<typeof elbow>>): void {
    const scored = entries.filter(({ silhouette }) => silhouette !== undefined);
    const drawings = [1, 2].map(() => makeSvg('svg', { class: 'chart', role: 'img' }));
    const [inertias, silhouettes] = drawings;
    if (inertias) {
      drawCurve(inertias, {
        title: 'Inertia: the smaller, the tighter',
        x: 'clusters',
        places: entries.map(({ clusters }) => clusters),
        values: entries.map(({ inertia }) => inertia),
        dots: true,
        mark: { place: bend, label: `elbow at ${bend}` },
      });
    }
    if (silhouettes && scored.length > 0) {
      drawCurve(silhouettes, {
        title: 'Silhouette: the greater, the better separated',
        x: 'clusters',
        places: scored.map(({ clusters }) => clusters),
        values: scored.map(({ silhouette = 0 }) => silhouette),
        dots: true,
        ...(bestSilhouette !== undefined && { mark: { place: bestSilhouette, label: `best at ${bestSilhouette}` } }),
      });
    }
    this.#charts.replaceChildren(...(scored.length > 0 ? drawings : drawings.slice(0, 1)));
    const best = bestSilhouette === undefined ? '' : `; the greatest silhouette at ${grouped(bestSilhouette)}`;
    this.#status.textContent = `The elbow is at ${grouped(bend)} clusters${best}.`;
  }
}
