import type { Engine } from '../../src/index.ts';
import { clearError, element, grouped, make, showError } from '../shared/elements.ts';
import { type Axes, type Cloud, firstAxes } from './cloud.ts';
import { shapes } from './shapes.ts';
import { chooses, loadFile, loadSource, otherSources } from './sources.ts';

/** Columns beyond these are not offered for the axes: a menu has an end. */
const mostOffered = 256;

/** The form that says which points are clustered, and along which columns they are drawn. */
export class DataPanel {
  readonly #engine: Engine;
  readonly #onCloud: (cloud: Cloud, axes: Axes) => void;
  readonly #onAxes: (axes: Axes) => void;
  readonly #source = element('source', HTMLSelectElement);
  readonly #numbers = {
    count: element('count', HTMLInputElement),
    groups: element('groups', HTMLInputElement),
    columns: element('columns', HTMLInputElement),
    seed: element('data-seed', HTMLInputElement),
  };
  readonly #axes = (['x', 'y', 'z'] as const).map((axis) => element(`axis-${axis}`, HTMLSelectElement));
  readonly #status = element('data-status', HTMLParagraphElement);
  #latest = 0;

  /**
   * @param onCloud called with points once they are there
   * @param onAxes called when other columns are to be drawn
   */
  constructor(engine: Engine, onCloud: (cloud: Cloud, axes: Axes) => void, onAxes: (axes: Axes) => void) {
    this.#engine = engine;
    this.#onCloud = onCloud;
    this.#onAxes = onAxes;
    const choices = [
      ...Object.entries(shapes).map(([name, { title }]) => [name, title] as const),
      ...Object.entries(otherSources),
    ];
    this.#source.append(...choices.map(([value, title]) => make('option', { value }, title)));
    element('data-form', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());
    for (const control of [this.#source, ...Object.values(this.#numbers)]) {
      control.addEventListener('change', () => this.load());
    }
    for (const control of this.#axes) control.addEventListener('change', () => this.#onAxes(this.#chosenAxes()));
    this.#listenForFiles();
  }

  /** Enters what an address asks for. */
  enter(name: string, value: string): void {
    if (name === 'source' && (value in shapes || value in otherSources)) this.#source.value = value;
    const control = Object.entries(this.#numbers).find(([own]) => own === name)?.[1];
    if (control) control.value = value;
  }

  /** Loads what is chosen. */
  load(): void {
    const source = this.#source.value;
    for (const what of ['count', 'groups', 'columns'] as const) {
      const label = this.#numbers[what].closest('label');
      if (label) label.hidden = !chooses(source, what);
    }
    const seeded = this.#numbers.seed.closest('label');
    if (seeded) seeded.hidden = !(source in shapes);
    const wrong = Object.values(this.#numbers).find(
      (input) => !input.closest('label')?.hidden && !input.reportValidity(),
    );
    if (wrong) return;
    const { count, groups, columns, seed } = this.#numbers;
    this.#take(() =>
      loadSource(this.#engine, source, {
        count: count.valueAsNumber,
        groups: groups.valueAsNumber,
        columns: columns.valueAsNumber,
        seed: seed.valueAsNumber,
      }),
    );
  }

  #listenForFiles(): void {
    const input = element('file', HTMLInputElement);
    const takeFile = (file: File | undefined): void => {
      if (file) this.#take(() => loadFile(this.#engine, file));
    };
    input.addEventListener('change', () => {
      takeFile(input.files?.[0]);
      // So that the same file can be chosen again.
      input.value = '';
    });
    document.addEventListener('dragover', (event) => event.preventDefault());
    document.addEventListener('drop', (event) => {
      event.preventDefault();
      takeFile(event.dataTransfer?.files[0]);
    });
  }

  async #take(load: () => Promise<Cloud>): Promise<void> {
    this.#latest++;
    const own = this.#latest;
    clearError();
    this.#status.textContent = 'Loading …';
    try {
      const cloud = await load();
      if (own !== this.#latest) return;
      const axes = firstAxes(cloud.points.columnCount);
      this.#offerAxes(cloud, axes);
      this.#onCloud(cloud, axes);
      const { rowCount, columnCount } = cloud.points;
      const size = cloud.picture ? `, ${cloud.picture.width} × ${cloud.picture.height} pixels` : '';
      this.#status.textContent = `${cloud.name}${size}: ${grouped(rowCount)} points of ${grouped(columnCount)} ${columnCount === 1 ? 'column' : 'columns'}.`;
    } catch (error) {
      if (own !== this.#latest) return;
      this.#status.textContent = 'Not loaded: the points are those from before.';
      showError(error);
    }
  }

  #offerAxes({ columns }: Cloud, axes: Axes): void {
    for (const [position, control] of this.#axes.entries()) {
      const none = position === 2 ? [make('option', { value: '' }, 'none')] : [];
      const offered = columns
        .slice(0, mostOffered)
        .map((name, value) => make('option', { value: String(value) }, name));
      control.replaceChildren(...none, ...offered);
      control.value = String(axes[position] ?? '');
    }
  }

  #chosenAxes(): Axes {
    const [x, y, z] = this.#axes.map(({ value }) => (value === '' ? undefined : Number(value)));
    return [x ?? 0, y ?? 0, z];
  }
}
