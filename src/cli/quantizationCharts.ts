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

/** The curve of bytes against noise, and the point that was taken. */
export function bitCurveSvg({ curve, bytes, predictedSqnr, budgetBytes }: BitChoice): string {
  const [left, right, top, bottom] = [52, 624, 12, 232];
  const all = curve.map((point) => point.bytes);
  const ratios = curve.map(({ sqnr }) => sqnr);
  const [leastBytes, mostBytes] = [Math.min(...all), Math.max(...all)];
  const [leastRatio, mostRatio] = [Math.min(...ratios), Math.max(...ratios)];
  const share = (value: number, least: number, most: number): number =>
    most > least ? Math.min(Math.max((value - least) / (most - least), 0), 1) : 0.5;
  const x = (value: number): number => round(left + share(value, leastBytes, mostBytes) * (right - left));
  const y = (value: number): number => round(bottom - share(value, leastRatio, mostRatio) * (bottom - top));
  const points = curve.map((point) => `${x(point.bytes)},${y(point.sqnr)}`);
  const label = `From ${formatNumber(leastRatio)} dB at ${formatNumber(leastBytes)} bytes to ${formatNumber(mostRatio)} dB at ${formatNumber(mostBytes)} bytes; chosen: ${formatNumber(predictedSqnr)} dB at ${formatNumber(bytes)} bytes.`;
  return [
    `<svg class="curve" viewBox="0 0 640 268" role="img" aria-label="${escapeHtml(label)}">`,
    `<path class="axis" fill="none" d="M${left} ${top}V${bottom}H${right}"/>`,
    `<line class="clip" x1="${x(budgetBytes)}" x2="${x(budgetBytes)}" y1="${top}" y2="${bottom}"/>`,
    `<polyline class="line" points="${points.join(' ')}"/>`,
    ...curve.map((point) => `<circle class="bars" r="2.5" cx="${x(point.bytes)}" cy="${y(point.sqnr)}"/>`),
    `<circle class="chosen" r="6" cx="${x(bytes)}" cy="${y(predictedSqnr)}"/>`,
    `<text x="${left - 6}" y="${top + 4}" text-anchor="end">${formatNumber(mostRatio)}</text>`,
    `<text x="${left - 6}" y="${bottom}" text-anchor="end">${formatNumber(leastRatio)}</text>`,
    `<text x="${left - 6}" y="${(top + bottom) / 2}" text-anchor="end">dB</text>`,
    `<text x="${left}" y="${bottom + 18}">${formatNumber(leastBytes)}</text>`,
    `<text x="${right}" y="${bottom + 18}" text-anchor="end">${formatNumber(mostBytes)}</text>`,
    `<text x="${(left + right) / 2}" y="${bottom + 32}" text-anchor="middle">bytes of weights</text>`,
    '</svg>',
  ].join('');
}
