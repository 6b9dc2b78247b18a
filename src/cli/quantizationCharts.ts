/** Drawings for the page about a quantization, as SVG within HTML. */
import type { BitChoice } from '../graph/explain/bitCurve.ts';
import type { QuantizedValueReport } from '../graph/explain/valueMeter.ts';
import { formatNumber } from './text.ts';

/** A text as HTML, in elements and in attributes. */
export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** Where the elements of a value lie, in logarithmic heights, between and beyond its clip lines. */
export function histogramSvg({ name, clip, histogram, observed }: QuantizedValueReport): string {
  const [width, height] = [288, 96];
  const { from, to, counts } = histogram;
  const highest = Math.log1p(Math.max(...counts, 1));
  const step = width / counts.length;
  const path = counts.map((count, index) => {
    const top = round(height - (Math.log1p(count) / highest) * height);
    return `H${round(index * step)}V${top}H${round((index + 1) * step)}`;
  });
  const at = (value: number): number => round(((value - from) / (to - from)) * width);
  const line = (value: number): string =>
    `<line class="clip" x1="${at(value)}" x2="${at(value)}" y1="0" y2="${height}"/>`;
  const label = `Elements of ${name} from ${formatNumber(observed.least)} to ${formatNumber(observed.greatest)}; codes reach from ${formatNumber(clip.least)} to ${formatNumber(clip.greatest)}.`;
  return [
    `<svg viewBox="0 -2 ${width} ${height + 20}" role="img" aria-label="${escapeHtml(label)}">`,
    `<path class="bars" d="M0 ${height}${path.join('')}V${height}Z"/>`,
    `<line class="axis" x1="0" x2="${width}" y1="${height}" y2="${height}"/>`,
    line(clip.least),
    line(clip.greatest),
    `<text x="${at(clip.least)}" y="${height + 14}" text-anchor="middle">${formatNumber(clip.least)}</text>`,
    `<text x="${at(clip.greatest)}" y="${height + 14}" text-anchor="middle">${formatNumber(clip.greatest)}</text>`,
    '</svg>',
  ].join('');
}

/** The curve of bytes or milliseconds against noise, and the point that was taken. */
export function bitCurveSvg({ curve, bytes, predictedSqnr, budgetBytes, milliseconds }: BitChoice): string {
  const [left, right, top, bottom] = [52, 624, 12, 232];
  const costOf = (point: BitChoice['curve'][number]): number => (milliseconds ? point.milliseconds : point.bytes) ?? 0;
  const [unit, axis] = milliseconds ? ['ms', 'milliseconds of a run'] : ['bytes', 'bytes of weights'];
  const [taken, budget] = milliseconds ? [milliseconds.predicted, milliseconds.budget] : [bytes, budgetBytes ?? bytes];
  const all = curve.map(costOf);
  const ratios = curve.map(({ sqnr }) => sqnr);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const [leastRatio, mostRatio] = [Math.min(...ratios), Math.max(...ratios)];
  const share = (value: number, from: number, to: number): number =>
    to > from ? Math.min(Math.max((value - from) / (to - from), 0), 1) : 0.5;
  const x = (value: number): number => round(left + share(value, least, most) * (right - left));
  const y = (value: number): number => round(bottom - share(value, leastRatio, mostRatio) * (bottom - top));
  const points = curve.map((point) => `${x(costOf(point))},${y(point.sqnr)}`);
  const label = `From ${formatNumber(leastRatio)} dB at ${formatNumber(least)} ${unit} to ${formatNumber(mostRatio)} dB at ${formatNumber(most)} ${unit}; chosen: ${formatNumber(predictedSqnr)} dB at ${formatNumber(taken)} ${unit}.`;
  return [
    `<svg class="curve" viewBox="0 0 640 268" role="img" aria-label="${escapeHtml(label)}">`,
    `<path class="axis" fill="none" d="M${left} ${top}V${bottom}H${right}"/>`,
    `<line class="clip" x1="${x(budget)}" x2="${x(budget)}" y1="${top}" y2="${bottom}"/>`,
    `<polyline class="line" points="${points.join(' ')}"/>`,
    ...curve.map((point) => `<circle class="bars" r="2.5" cx="${x(costOf(point))}" cy="${y(point.sqnr)}"/>`),
    `<circle class="chosen" r="6" cx="${x(taken)}" cy="${y(predictedSqnr)}"/>`,
    `<text x="${left - 6}" y="${top + 4}" text-anchor="end">${formatNumber(mostRatio)}</text>`,
    `<text x="${left - 6}" y="${bottom}" text-anchor="end">${formatNumber(leastRatio)}</text>`,
    `<text x="${left - 6}" y="${(top + bottom) / 2}" text-anchor="end">dB</text>`,
    `<text x="${left}" y="${bottom + 18}">${formatNumber(least)}</text>`,
    `<text x="${right}" y="${bottom + 18}" text-anchor="end">${formatNumber(most)}</text>`,
    `<text x="${(left + right) / 2}" y="${bottom + 32}" text-anchor="middle">${axis}</text>`,
    '</svg>',
  ].join('');
}
