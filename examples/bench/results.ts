/** The results of a run: bars, a table, a file. */
import type { BenchKmeansReport } from '../../src/cli/jobs/benchKmeans.ts';
import type { BenchMatmulReport } from '../../src/cli/jobs/benchMatmul.ts';
import type { BenchModelReport } from '../../src/cli/jobs/benchModel.ts';
import type { Distribution } from '../../src/cli/jobs/timing.ts';
import { describeCheck, describeInputs, modelCells, modelColumns } from '../../src/cli/modelTable.ts';
import { formatDistribution, formatNumber } from '../../src/cli/text.ts';
import { element, make } from '../shared/elements.ts';

interface Line {
  readonly name: string;
  /** In the unit of the view. */
  readonly speed: number;
  readonly isPeer: boolean;
  /** The cells of the table behind the name. */
  readonly cells: readonly string[];
}

interface View {
  readonly size: string;
  /** What the bars show. */
  readonly unit: string;
  readonly header: readonly string[];
  readonly lines: readonly Line[];
  readonly note: string;
}

const operations = 'Speed in GOPS (10⁹ operations a second)';
const section = element('results', HTMLElement);
const bars = element('bars', HTMLOListElement);
const download = element('download', HTMLButtonElement);

/** Shows the report of a matrix product. */
export function showMatmul(report: BenchMatmulReport): void {
  const { cases, peers = [], ratios = [] } = report;
  const line = (entry: (typeof cases)[number] | (typeof peers)[number], isPeer: boolean): Line => ({
    name: entry.name,
    speed: entry.gops,
    isPeer,
    cells: [
      formatNumber(entry.gops),
      formatDistribution(entry.milliseconds),
      'kernelMilliseconds' in entry ? kernelCell(entry.kernelMilliseconds) : '–',
      `${entry.checkedRows} of ${entry.m}`,
    ],
  });
  const { m = 0, n = 0, k = 0 } = cases[0] ?? {};
  show(report, ratios, {
    size: `x [${m} × ${k}] · w [${k} × ${n}], median of ${cases[0]?.milliseconds.runs} runs.`,
    unit: operations,
    header: ['Product', 'GOPS', 'Milliseconds (min–max)', 'Kernels, ms', 'Rows checked'],
    lines: [...cases.map((entry) => line(entry, false)), ...peers.map((entry) => line(entry, true))],
    note: 'Milliseconds are end to end: upload of x, quantization, product and readback; the weights stay on the GPU. Kernels: the GPU’s own time, measured apart.',
  });
}

/** Shows the report of k-means. */
export function showKmeans(report: BenchKmeansReport): void {
  const { cases, peers = [], ratios = [] } = report;
  const line = (entry: (typeof cases)[number] | (typeof peers)[number], isPeer: boolean): Line => ({
    name: entry.name,
    speed: entry.gops,
    isPeer,
    cells: [
      formatNumber(entry.gops),
      formatDistribution(entry.millisecondsPerIteration),
      formatNumber(entry.milliseconds.median),
      `${entry.iterations}`,
    ],
  });
  const { points = 0, dimensions = 0, clusters = 0, milliseconds } = cases[0] ?? {};
  show(report, ratios, {
    size: `${points.toLocaleString('en')} points in ${dimensions} dimensions, ${clusters} clusters, median of ${milliseconds?.runs} runs.`,
    unit: operations,
    header: ['k-means', 'GOPS', 'ms per iteration (min–max)', 'ms per fit', 'Iterations'],
    lines: [...cases.map((entry) => line(entry, false)), ...peers.map((entry) => line(entry, true))],
    note: 'A fit is end to end: upload of the points, iterations, final assignment and readback. An operation is one of 2 · points · dimensions · clusters a round.',
  });
}

/** Shows the report of models. */
export function showModel(report: BenchModelReport): void {
  const { cases, peers = [], ratios } = report;
  const line = (entry: (typeof cases)[number] | (typeof peers)[number], isPeer: boolean): Line => ({
    name: entry.name,
    speed: 1000 / entry.milliseconds.median,
    isPeer,
    cells: modelCells(entry, report),
  });
  show(report, ratios, {
    size: `${describeInputs(report)}, median of ${cases[0]?.milliseconds.runs} runs.`,
    unit: 'Runs a second',
    header: ['Model', ...modelColumns],
    lines: [...cases.map((entry) => line(entry, false)), ...peers.map((entry) => line(entry, true))],
    note: `Times are end to end, from inputs on the CPU to outputs there; the first run compiles shaders and uploads weights. ${describeCheck(report)}`,
  });
}

function kernelCell(times: Distribution | null): string {
  return times === null ? 'not available' : formatNumber(times.median);
}

function show(
  report: { readonly adapter: unknown },
  ratios: NonNullable<BenchMatmulReport['ratios']>,
  { size, unit, header, lines, note }: View,
): void {
  const best = Math.max(...lines.map(({ speed }) => speed));
  bars.replaceChildren(
    ...lines.map(({ name, speed, isPeer }) => {
      const bar = make('span', { class: isPeer ? 'bar peer' : 'bar', style: `--share: ${speed / best}` });
      const value = make('span', { class: 'value' }, formatNumber(speed));
      return make('li', {}, make('span', { class: 'name' }, name), bar, value);
    }),
  );
  element('unit', HTMLElement).textContent = `${unit}: longer is faster`;
  const headCells = header.map((name) => make('th', { scope: 'col' }, name));
  element('table-head', HTMLTableSectionElement).replaceChildren(make('tr', {}, ...headCells));
  element('table-body', HTMLTableSectionElement).replaceChildren(
    ...lines.map(({ name, cells }) =>
      make(
        'tr',
        {},
        make('th', { scope: 'row' }, name),
        ...cells.map((cell, column) => make('td', { 'data-label': header[column + 1] ?? '' }, cell)),
      ),
    ),
  );
  const comparisons = ratios.map(
    (entry) => `${entry.case} is ${formatNumber(entry.ratio)} times as fast as ${entry.peer}.`,
  );
  element('summary', HTMLElement).replaceChildren(...[size, ...comparisons].map((text) => make('p', {}, text)));
  element('note', HTMLParagraphElement).textContent = note;
  const file = { ...report, runtime: 'chrome', userAgent: navigator.userAgent, date: new Date().toISOString() };
  download.onclick = () => save(JSON.stringify(file, undefined, 2));
  section.hidden = false;
  section.scrollIntoView({ block: 'nearest' });
}

/** Hands the browser a file to save. */
function save(json: string): void {
  const href = URL.createObjectURL(new Blob([json], { type: 'application/json' }));
  make('a', { href, download: 'cuanta-bench.json' }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}
