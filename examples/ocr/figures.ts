/** The table of times and bytes. */
import { element, grouped, listFigures, tableRow } from '../shared/elements.ts';
import { type ModelRegistry, planBytes, weightBytes } from './models.ts';
import type { Differences } from './pairing.ts';
import { type OcrModels, type PageText, type Stage, stages } from './reader.ts';

const titles: Readonly<Record<Stage, string>> = { detect: 'Find lines', turn: 'Turn them', read: 'Read them' };
const unknown = '–';

function milliseconds(value: number | undefined): string {
  return value === undefined ? unknown : `${grouped(Math.round(value))} ms`;
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? unknown : `${(bytes / 1e6).toFixed(1)} MB`;
}

function total({ milliseconds: times }: PageText): number {
  return stages.reduce((sum, stage) => sum + times[stage], 0);
}

/** What one set of models took: undefined until it has read the picture. */
interface Taken {
  readonly which: 'float' | 'quantized';
  readonly models: OcrModels;
  readonly page: PageText | undefined;
}

/**
 * Shows what the float models and, where there are any, the quantized ones took.
 *
 * @param registry undefined until the models are there
 */
export function showFigures(
  registry: ModelRegistry | undefined,
  pages: { readonly float?: PageText | undefined; readonly quantized?: PageText | undefined } = {},
): void {
  const quantized = registry?.quantized;
  const sets: readonly (Taken | undefined)[] = [
    registry && { which: 'float', models: registry.float, page: pages.float },
    quantized && { which: 'quantized', models: quantized, page: pages.quantized },
  ];
  const row = (title: string, value: (taken: Taken) => string): HTMLTableRowElement => {
    const cells = tableRow(
      title,
      sets.map((taken) => (taken ? value(taken) : unknown)),
    );
    cells.lastElementChild?.classList.add('quantized');
    return cells;
  };
  const table = element('figures', HTMLTableElement);
  table.classList.toggle('compared', quantized !== undefined);
  table.tBodies[0]?.replaceChildren(
    ...stages.map((stage) => row(titles[stage], ({ page }) => milliseconds(page?.milliseconds[stage]))),
    row('Together', ({ page }) => milliseconds(page && total(page))),
    row('Model files', ({ which }) => megabytes(registry?.fileBytes(which))),
    row('Weights', ({ models }) => megabytes(weightBytes(models))),
    row('Working memory', ({ models }) => megabytes(planBytes(models))),
    row('GPU memory of the page', ({ which }) => (which === 'float' ? megabytes(registry?.engine.memory.live) : '')),
  );
}

/** Shows how the quantized reading differs from the float one; nothing where there is none. */
export function showDifferences(differences: Differences | undefined): void {
  const list = element('differences', HTMLDListElement);
  list.hidden = differences === undefined;
  if (!differences) return;
  const { alike, lines, changed, characters, farthest } = differences;
  listFigures(list, {
    'Lines alike': `${alike} of ${lines}`,
    'Characters changed': `${changed} of ${characters}`,
    'Boxes moved by up to': `${farthest.toFixed(1)} px`,
  });
}
