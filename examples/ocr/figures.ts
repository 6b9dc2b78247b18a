/** The table of times and bytes. */
import type { Engine } from '../../src/index.ts';
import { element, grouped, tableRow } from '../demo/elements.ts';
import { planBytes, weightBytes } from './models.ts';
import { type OcrModels, type PageText, type Stage, stages } from './reader.ts';

const titles: Readonly<Record<Stage, string>> = { detect: 'Find lines', turn: 'Turn them', read: 'Read them' };
const unknown = '–';

/** What one set of models took. */
export interface Taken {
  readonly models: OcrModels;
  /** Undefined until the picture is read. */
  readonly page: PageText | undefined;
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? unknown : `${grouped(Math.round(value))} ms`;
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? unknown : `${(bytes / 1e6).toFixed(1)} MB`;
}

function total({ milliseconds: times }: PageText): number {
  return stages.reduce((sum, stage) => sum + times[stage], 0);
}

/** Shows what the float models and, where there are any, the quantized ones took. */
export function showFigures(engine: Engine | undefined, float: Taken | undefined, quantized: Taken | undefined): void {
  const row = (title: string, value: (taken: Taken) => string): HTMLTableRowElement => {
    const cells = tableRow(
      title,
      [float, quantized].map((taken) => (taken ? value(taken) : unknown)),
    );
    cells.lastElementChild?.classList.add('quantized');
    return cells;
  };
  const table = element('figures', HTMLTableElement);
  table.classList.toggle('compared', quantized !== undefined);
  table.tBodies[0]?.replaceChildren(
    ...stages.map((stage) => row(titles[stage], ({ page }) => milliseconds(page?.milliseconds[stage]))),
    row('Together', ({ page }) => milliseconds(page && total(page))),
    row('Weights', ({ models }) => megabytes(weightBytes(models))),
    row('Working memory', ({ models }) => megabytes(planBytes(models))),
    row('GPU memory of the page', (taken) => (taken === float ? megabytes(engine?.memory.live) : '')),
  );
}
