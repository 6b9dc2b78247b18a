/** Numbers and tables for people, in the terminal and in pages. */
import type { Ratio } from './jobs/clusterBench.ts';
import type { Distribution } from './jobs/timing.ts';

/** Rows of cells as aligned columns; the first column to the left, the others to the right. */
export function textTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    widths
      .map((width, column) =>
        column === 0 ? (cells[column] ?? '').padEnd(width) : (cells[column] ?? '').padStart(width),
      )
      .join('  ')
      .trimEnd();
  return [line(header), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}

/** A number for people: four significant digits, thousands separated; with an exponent where there would be zeros without end. */
export function formatNumber(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 1e15 || (magnitude < 1e-6 && magnitude > 0)) return value.toPrecision(4);
  return value.toLocaleString(
    'en',
    Math.abs(value) < 1000 ? { maximumSignificantDigits: 4 } : { maximumFractionDigits: 0 },
  );
}

/** Median and extremes for people. */
export function formatDistribution({ median, min, max }: Distribution): string {
  return `${formatNumber(median)} (${formatNumber(min)}–${formatNumber(max)})`;
}

/** How many times as fast as their peers cases are, a line each. */
export function ratioLines(ratios: readonly Ratio[]): string[] {
  return ratios.map(({ case: name, peer, ratio }) => `${name} is ${formatNumber(ratio)} times as fast as ${peer}`);
}
