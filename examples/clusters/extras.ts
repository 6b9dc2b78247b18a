import { make, makeSvg } from '../shared/elements.ts';
import type { Outcome } from './algorithms.ts';
import type { Cloud } from './cloud.ts';
import { drawCurve } from './curve.ts';
import { drawDendrogram } from './dendrogramPlot.ts';
import { comparePictures } from './palettePicture.ts';

/** What is done as a hierarchy is cut. */
interface CutActions {
  /** While the number of clusters changes. */
  readonly cut: (clusters: number) => void;
  /** Once it stays. */
  readonly cutAtLast: () => void;
}

/** What an outcome shows beside the plot: a dendrogram, the curve that epsilon was read from, a picture of few colours. */
export class Extras {
  readonly #root: HTMLElement;
  readonly #actions: CutActions;

  constructor(root: HTMLElement, actions: CutActions) {
    this.#root = root;
    this.#actions = actions;
  }

  clear(): void {
    this.#root.replaceChildren();
  }

  show(cloud: Cloud, outcome: Outcome): void {
    const { hierarchy, neighbours, centroids, labels } = outcome;
    this.clear();
    if (hierarchy && hierarchy.leafCount > 1) this.#root.append(this.#dendrogram(outcome, hierarchy));
    if (neighbours) {
      const drawing = makeSvg('svg', { class: 'chart', role: 'img' });
      const { distances, used, minimumPoints } = neighbours;
      const step = Math.max(Math.floor(distances.length / 200), 1);
      drawCurve(drawing, {
        title: `Distance to the neighbour number ${minimumPoints - 1}`,
        x: 'points, sorted',
        places: Array.from(distances.keys()).filter((place) => place % step === 0),
        values: [...distances].filter((_, place) => place % step === 0),
        level: { value: used, label: `epsilon ${used.toPrecision(3)}` },
      });
      this.#root.append(drawing);
    }
    if (cloud.picture && centroids) this.#root.append(comparePictures(cloud.picture, labels, centroids));
  }

  #dendrogram({ labels }: Outcome, hierarchy: NonNullable<Outcome['hierarchy']>): HTMLElement {
    const drawing = makeSvg('svg', { class: 'chart', role: 'img' });
    const clusters = new Set(labels).size;
    const most = Math.min(hierarchy.leafCount, 40);
    const slider = make('input', { type: 'range', min: '1', max: String(most), value: String(clusters) });
    const shown = make('output', {}, String(clusters));
    drawDendrogram(drawing, hierarchy, clusters);
    slider.addEventListener('input', () => {
      shown.textContent = slider.value;
      drawDendrogram(drawing, hierarchy, slider.valueAsNumber);
      this.#actions.cut(slider.valueAsNumber);
    });
    slider.addEventListener('change', () => this.#actions.cutAtLast());
    return make('div', {}, drawing, make('label', { class: 'slider' }, 'Cut into', slider, shown));
  }
}
