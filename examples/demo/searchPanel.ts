import type { Engine } from '../../src/index.ts';
import { clearError, element, grouped, showError, tableRow } from '../shared/elements.ts';
import { reportSearch, type SearchFigures } from './searchReport.ts';
import { bestMatches, type VectorFormat, VectorIndex, type Vectors, vectorFormats } from './vectorIndex.ts';

const resultCount = 10;

/** Vectors with a title each. */
export interface TitledVectors extends Vectors {
  readonly titles: readonly string[];
}

/** The position of each index when sorted by similarity, from 1; the query's own is left out. */
function ranks(similarities: Float32Array, self: number): Map<number, number> {
  const order = bestMatches(similarities, self, similarities.length);
  return new Map(order.map((index, position) => [index, position + 1]));
}

/** The rank by the compared format, with how far it is from the rank by float32. */
function rankCell(exact: number, compared: number): Node {
  const cell = document.createDocumentFragment();
  cell.append(String(compared));
  if (exact === compared) return cell;
  const isHigher = compared < exact;
  const change = document.createElement('span');
  change.className = isHigher ? 'better' : 'worse';
  change.textContent = ` ${isHigher ? '▲' : '▼'}${Math.abs(exact - compared)}`;
  change.role = 'img';
  change.ariaLabel = `${Math.abs(exact - compared)} ${isHigher ? 'higher' : 'lower'}`;
  cell.append(change);
  return cell;
}

/** Search over the sentence vectors: float against quantized. */
export class SearchPanel {
  readonly #titles: readonly string[];
  readonly #vectors: TitledVectors;
  readonly #indexes: ReadonlyMap<VectorFormat, VectorIndex>;
  readonly #form = element('search-form', HTMLFormElement);
  readonly #title = element('title', HTMLInputElement);
  readonly #status = element('search-status', HTMLParagraphElement);
  readonly #results = element('results', HTMLTableElement);
  #query = 0;
  /** Counts searches: only the last one is shown. */
  #searches = 0;

  constructor(engine: Engine, vectors: TitledVectors) {
    this.#vectors = vectors;
    this.#titles = vectors.titles;
    this.#indexes = new Map(vectorFormats.map((format) => [format, new VectorIndex(engine, vectors, format)]));
    const options = [...new Set(vectors.titles)].map((title) => new Option(title));
    element('titles', HTMLDataListElement).replaceChildren(...options);
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#find();
    });
    // A title picked from the list is searched for at once.
    this.#title.addEventListener('input', () => {
      if (this.#titles.includes(this.#title.value)) this.#find();
    });
    this.#form.addEventListener('change', (event) => {
      if (event.target instanceof HTMLInputElement && event.target.name === 'format') this.#search();
    });
    const another = element('another', HTMLButtonElement);
    another.addEventListener('click', () => this.#choose(Math.floor(Math.random() * this.#titles.length)));
    for (const control of [this.#title, another, element('search', HTMLButtonElement)]) control.disabled = false;
    this.#choose(0);
  }

  /** Shows how the formats compare over all pairs. */
  async showFormats(engine: Engine): Promise<void> {
    const { formats } = await reportSearch(engine, this.#vectors, { runs: 3 });
    const table = element('formats', HTMLTableElement);
    table.tBodies[0]?.replaceChildren(
      ...formats.map(({ format, recallAt10, sqnrDecibels, bytes, milliseconds }: SearchFigures) =>
        tableRow(format, [
          `${(100 * recallAt10).toFixed(1)} %`,
          `${sqnrDecibels.toFixed(1)} dB`,
          `${grouped(Math.round(bytes / 1000))} kB`,
          `${milliseconds.median.toFixed(milliseconds.median < 10 ? 1 : 0)} ms`,
        ]),
      ),
    );
    table.hidden = false;
  }

  /** Searches for what was typed: a title, or the first that contains it. */
  #find(): void {
    const typed = this.#title.value.trim();
    const exact = this.#titles.indexOf(typed);
    const partly = this.#titles.findIndex((title) => title.toLowerCase().includes(typed.toLowerCase()));
    const found = exact >= 0 ? exact : partly;
    if (found < 0) {
      this.#results.hidden = true;
      this.#status.textContent = `No title contains “${typed}”; try fewer letters.`;
      return;
    }
    this.#query = found;
    this.#search();
  }

  #choose(index: number): void {
    this.#query = index;
    this.#title.value = this.#titles[index] ?? '';
    this.#search();
  }

  async #search(): Promise<void> {
    const query = this.#query;
    const format: VectorFormat = new FormData(this.#form).get('format') === 'int4' ? 'int4' : 'int8';
    const { columnCount, data } = this.#vectors;
    const vector = data.slice(query * columnCount, (query + 1) * columnCount);
    const [exactIndex, comparedIndex] = [this.#indexes.get('float32'), this.#indexes.get(format)];
    if (!exactIndex || !comparedIndex) return;
    const search = ++this.#searches;
    this.#status.textContent = 'Searching …';
    try {
      const exact = await exactIndex.similarities(vector);
      const compared = await comparedIndex.similarities(vector);
      if (search !== this.#searches) return;
      this.#show(query, format, exact, compared);
      clearError();
    } catch (error) {
      this.#status.textContent = 'The search failed.';
      showError(error);
    }
  }

  #show(query: number, format: VectorFormat, exact: Float32Array, compared: Float32Array): void {
    const exactRanks = ranks(exact, query);
    const comparedRanks = ranks(compared, query);
    const shown = bestMatches(exact, query, resultCount);
    const common = shown.filter((index) => (comparedRanks.get(index) ?? 0) <= resultCount).length;
    const newcomers = bestMatches(compared, query, resultCount).filter((index) => !shown.includes(index));
    const rows = [...shown, ...newcomers].map((index) => {
      const rank = exactRanks.get(index) ?? 0;
      const comparedRank = comparedRanks.get(index) ?? 0;
      return tableRow(`${rank}. ${this.#titles[index] ?? ''}`, [
        (exact[index] ?? 0).toFixed(4),
        (compared[index] ?? 0).toFixed(4),
        rankCell(rank, comparedRank),
      ]);
    });
    element('compared', HTMLTableCellElement).textContent = format;
    element('compared-rank', HTMLTableCellElement).textContent = `${format} rank`;
    if (this.#results.caption) this.#results.caption.textContent = `Nearest to “${this.#titles[query] ?? ''}”`;
    this.#results.tBodies[0]?.replaceChildren(...rows);
    this.#results.hidden = false;
    this.#status.textContent = `${common} of the ${shown.length} nearest by float32 are among the ${resultCount} nearest by ${format}.`;
  }
}
