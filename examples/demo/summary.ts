import type { CitiesReport } from './citiesReport.ts';
import type { MainReport } from './mainJob.ts';
import type { ReadingReport } from './readingReport.ts';
import type { SearchReport } from './searchReport.ts';
import type { WeightsReport } from './weightsReport.ts';

/** Lines of a table: the first row is the heading, the first column is aligned left, the others right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('   '),
  );
  return [lines[0] ?? '', widths.map((width) => '─'.repeat(width)).join('───'), ...lines.slice(1)].map(
    (line) => `  ${line.trimEnd()}`,
  );
}

function kilobytes(bytes: number): string {
  return `${Math.round(bytes / 1000).toLocaleString('en')} kB`;
}

function decibels(value: number): string {
  return `${value.toFixed(1)} dB`;
}

function search({ vectorCount, dimensionCount, formats }: SearchReport): string[] {
  return [
    `Search: ${vectorCount} × ${dimensionCount} sentence vectors, all pairs, against float64`,
    ...table([
      ['stored as', 'recall@10', 'SQNR', 'bytes', 'time'],
      ...formats.map(({ format, recallAt10, sqnrDecibels, bytes, milliseconds }) => [
        format,
        `${(100 * recallAt10).toFixed(2)} %`,
        decibels(sqnrDecibels),
        kilobytes(bytes),
        `${milliseconds.median.toFixed(1)} ms`,
      ]),
    ]),
  ];
}

function weights({ layerCount, elementCount, float32Bytes, groupSize, settings }: WeightsReport): string[] {
  return [
    `Weights of the text recogniser: ${layerCount} layers, ${elementCount.toLocaleString('en')} numbers, ${kilobytes(float32Bytes)} in float32`,
    ...table([
      ['bits, scale per', 'bytes', 'SQNR', 'median', 'worst', 'in layer'],
      ...settings.map(({ bits, granularity, bytes, sqnrDecibels, medianSqnrDecibels, worst }) => [
        `${bits}, ${granularity}${granularity === 'group' ? ` of ${groupSize}` : ''}`,
        kilobytes(bytes),
        decibels(sqnrDecibels),
        decibels(medianSqnrDecibels),
        decibels(worst.sqnrDecibels),
        worst.layer,
      ]),
    ]),
  ];
}

function cities(report: CitiesReport): string[] {
  const { pointCount, clusters, seed, tolerance, iterations, converged, milliseconds, labelsSha256 } = report;
  const end = converged ? 'converged' : 'not converged';
  return [
    `Cities: k-means of ${pointCount.toLocaleString('en')} points into ${clusters} clusters, seed ${seed}, tolerance ${tolerance}`,
    ...table([
      ['', 'run 1', 'run 2'],
      ['time', ...milliseconds.map((time) => `${(time / 1000).toFixed(1)} s`)],
      ['labels, SHA-256', ...labelsSha256.map((hash) => `${hash.slice(0, 16)}…`)],
    ]),
    `  ${iterations} iterations (${end}), ${report.millisecondsPerIteration.toFixed(0)} ms each with seeding`,
    `  inertia ${report.inertia}, recomputed in float64 ${report.recomputedInertia} (relative difference ${report.relativeDifference.toExponential(1)})`,
  ];
}

function reading(report: ReadingReport): string[] {
  const { drawn, read, exact, total, characterErrorRate, milliseconds, toleratedErrorRate } = report;
  const rows = Array.from({ length: Math.max(drawn.length, read.length) }, (_, index) => {
    const line = read[index];
    return [drawn[index] ?? '', line?.text ?? '', line ? `${(100 * line.confidence).toFixed(0)} %` : ''];
  });
  const columns = ['detect', 'turn', 'read'] as const;
  return [
    'Reading: a page of drawn text, by three ONNX models in float32',
    ...table([['drawn', 'read', 'sure'], ...rows]),
    `  ${exact} of ${total} lines exactly, ${(100 * characterErrorRate).toFixed(1)} % of the characters wrong (tolerated: ${100 * toleratedErrorRate} %)`,
    ...table([
      ['', 'run 1', 'run 2'],
      ...columns.map((stage) => [stage, ...milliseconds.map((times) => `${Math.round(times[stage])} ms`)]),
    ]),
  ];
}

/** The figures of the main job as text for a terminal. */
export function summarize(report: MainReport): string {
  return [search(report.search), weights(report.weights), cities(report.cities), reading(report.reading)]
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}
