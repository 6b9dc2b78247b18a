/** The page about a quantization: one file, which needs nothing beside it. */
import type { BitChoice } from '../graph/explain/bitCurve.ts';
import type { LayerExplanation, QuantizationReport } from '../graph/explain/explain.ts';
import { type OperationReport, picojoules } from '../graph/explain/operations.ts';
import { bitCurveSvg, escapeHtml, histogramSvg } from './quantizationCharts.ts';
import { pageStyle } from './quantizationStyle.ts';
import { formatNumber } from './text.ts';

const percent = (share: number): string => `${formatNumber(share * 100)} %`;
/** Decibels; the bounds of a ratio stand for what has none. */
const ratio = (sqnr: number | undefined): string => {
  if (sqnr === undefined) return '–';
  return sqnr >= 200 ? 'exact' : sqnr <= -200 ? 'no signal' : sqnr.toFixed(1);
};
const times = (before: number, after: number): string => (after > 0 ? `${formatNumber(before / after)} ×` : '–');

/**
 * A report as an HTML page that opens offline: totals, layers by damage, the values that they read with their clip lines,
 * operations, and the curve of bits. In the colours, dark or light, that the reader's system asks for.
 *
 * @param name of the model
 * @param preparation what was done to the float model before, in a few words each
 */
export function quantizationPage(
  report: QuantizationReport,
  name: string,
  preparation: readonly string[] = [],
): string {
  const { operators, bits } = report;
  const title = `What quantization cost: ${escapeHtml(name)}`;
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>${title}</title>`,
    `<style>${pageStyle}</style>`,
    '</head>',
    '<body>',
    '<main>',
    `<h1>${title}</h1>`,
    `<p class="lead">Float and quantized model on ${plural(report.samples, 'sample')}. Ratios are of signal to noise, in decibels: the higher, the closer to float.</p>`,
    ...(preparation.length > 0 ? [`<p>Before quantization: ${escapeHtml(preparation.join('; '))}.</p>`] : []),
    totals(report),
    section('damage', 'Layers that hurt most', damage(report.layers)),
    ...(bits ? [section('bits', 'Bits of layers', bitSection(bits))] : []),
    section('layers', 'All layers', layerTable(report.layers)),
    section('values', 'Values and their clip lines', values(report.layers)),
    section('operations', 'Operations and energy', operations(report)),
    section('float', 'Operators in float', floatOperators(operators)),
    '</main>',
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

function section(id: string, title: string, content: string): string {
  return `<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>\n${content}</section>`;
}

function totals({ sqnr, outputs, bytes, operators, operations, clipped, saturation }: QuantizationReport): string {
  const cosine = Math.min(...outputs.map((output) => output.cosine), 1);
  const { integerMultiplyAdds, floatMultiplyAdds } = operations.quantized;
  const facts: readonly (readonly [string, string, string])[] = [
    ['Signal to noise', `${ratio(sqnr)} dB`, `cosine ${cosine.toFixed(6)}`],
    [
      'Weights',
      times(bytes.float, bytes.quantized),
      `${formatNumber(bytes.float)} → ${formatNumber(bytes.quantized)} bytes`,
    ],
    [
      'Products in integers',
      percent(integerMultiplyAdds / Math.max(integerMultiplyAdds + floatMultiplyAdds, 1)),
      `of ${formatNumber(integerMultiplyAdds + floatMultiplyAdds)}`,
    ],
    [
      'Operators in float',
      percent(operators.floatShare),
      `${operators.float} of ${operators.float + operators.integer}`,
    ],
    ['Beyond the codes', percent(clipped), `${percent(saturation)} of codes at an end`],
    [
      'Energy, estimated',
      times(operations.float.estimatedJoules, operations.quantized.estimatedJoules),
      'less than float: see below',
    ],
  ];
  const items = facts.map(
    ([term, value, detail]) => `<div><dt>${term}</dt><dd>${value}<small>${detail}</small></dd></div>`,
  );
  return `<dl class="facts">${items.join('\n')}</dl>`;
}

/** Bars of the layers that make most noise alone. */
function damage(layers: readonly LayerExplanation[]): string {
  const shown = layers.filter(({ sensitivity }) => sensitivity !== null).slice(0, 20);
  if (shown.length === 0)
    return '<p>Layers were not quantized one at a time. They are listed by the ratio of their results.</p>';
  const most = Math.max(...shown.map(({ sensitivity }) => sensitivity?.noiseShare ?? 0), Number.MIN_VALUE);
  const rows = shown.map(({ node, operator, sensitivity }) => {
    const share = sensitivity?.noiseShare ?? 0;
    return [
      `<tr><th scope="row">${escapeHtml(node)} <small>${escapeHtml(operator)}</small></th>`,
      `<td class="bar"><span style="width:${((share / most) * 100).toFixed(2)}%"></span></td>`,
      `<td>${percent(share)}</td><td>${ratio(sensitivity?.onlyThis)}</td><td>${ratio(sensitivity?.allButThis)}</td></tr>`,
    ].join('');
  });
  const header = headOf(['Layer', 'Share of noise', '', 'Only this, dB', 'All but this, dB']);
  const rest = layers.length - shown.length;
  return [
    '<p>Each layer was quantized alone, all else in float, and left in float alone, all else quantized. What comes first gains most from more bits, or from staying in float.</p>',
    scrolled('Layers that hurt most', `<table>${header}<tbody>${rows.join('\n')}</tbody></table>`),
    ...(rest > 0 ? [`<p>${plural(rest, 'other layer')} below.</p>`] : []),
  ].join('\n');
}

/** A row of heads; an empty text widens the one before it. */
function headOf(names: readonly string[]): string {
  const cells = names.flatMap((name, index) => {
    if (name === '') return [];
    return [`<th scope="col"${names[index + 1] === '' ? ' colspan="2"' : ''}>${name}</th>`];
  });
  return `<thead><tr>${cells.join('')}</tr></thead>`;
}

/** Wide content, which the keyboard scrolls too. */
function scrolled(label: string, content: string): string {
  return `<div class="scrolled" role="region" tabindex="0" aria-label="${escapeHtml(label)}">${content}</div>`;
}

function layerTable(layers: readonly LayerExplanation[]): string {
  const heads = [
    'Layer and kernel',
    'Only this, dB',
    'All but this, dB',
    'Result, dB',
    'Cosine',
    'Max error',
    'Weights, dB',
    'Bytes, float',
    'Bytes',
    'Products',
    'At an end',
  ];
  const rows = layers.map((layer) => {
    const { node, operator, sensitivity, output, weights, bytes, multiplyAdds, inputs, kernel } = layer;
    const saturation = Math.max(...inputs.map((input) => input.saturation), 0);
    const cells = [
      ratio(sensitivity?.onlyThis),
      ratio(sensitivity?.allButThis),
      ratio(output?.sqnr),
      output?.cosine.toFixed(6) ?? '–',
      output ? output.maxError.toPrecision(3) : '–',
      ratio(weights?.sqnr),
      formatNumber(bytes.float),
      formatNumber(bytes.quantized),
      formatNumber(multiplyAdds),
      inputs.length > 0 ? percent(saturation) : '–',
    ];
    return [
      `<tr><th scope="row">${escapeHtml(node)} <small>${escapeHtml(operator)}</small>`,
      `<span class="kernel">${escapeHtml(kernel)}</span></th>`,
      ...cells.map((cell) => `<td>${cell}</td>`),
      '</tr>',
    ].join('');
  });
  return [
    `<p>${plural(layers.length, 'layer')}: scroll the table for all, and for all columns. Result: of the layer in the quantized model against the float one, errors before it included.</p>`,
    scrolled('All layers', `<table>${headOf(heads)}<tbody>${rows.join('\n')}</tbody></table>`),
  ].join('\n');
}

/** Every value that layers read, once, with the layers that do. */
function values(layers: readonly LayerExplanation[]): string {
  const ordered = [...layers].sort((left, right) => left.place - right.place);
  const inputs = new Map(ordered.flatMap((layer) => layer.inputs.map((input) => [input.name, input] as const)));
  if (inputs.size === 0) return '<p>No values are quantized: only weights are.</p>';
  const figures = [...inputs.values()].map((input) => {
    const readers = ordered.filter((layer) => layer.inputs.some(({ name }) => name === input.name));
    const shares = `${percent(input.saturation)} at an end, ${percent(input.clipped)} beyond`;
    return [
      `<figure>${histogramSvg(input)}`,
      `<figcaption><strong>${escapeHtml(input.name)}</strong> ${shares}; read by ${readers.map(({ node }) => escapeHtml(node)).join(', ')}</figcaption></figure>`,
    ].join('');
  });
  return [
    '<p>How many elements lie where, heights logarithmic. Codes reach from one dashed line to the other; the outermost bars hold all that is farther.</p>',
    `<div class="figures">${figures.join('\n')}</div>`,
  ].join('\n');
}

function bitSection(choice: BitChoice): string {
  const { milliseconds, bits } = choice;
  const rows = Object.entries(bits).map(([node, chosen]) => {
    const widths = choice.layers.find((layer) => layer.node === node)?.widths ?? [];
    const found = widths.find((width) => width.bits === chosen);
    const times = milliseconds ? `<td>${formatNumber(found?.milliseconds ?? 0)}</td>` : '';
    return `<tr><th scope="row">${escapeHtml(node)}</th><td>${chosen}</td><td>${formatNumber(found?.bytes ?? 0)}</td>${times}</tr>`;
  });
  const head = headOf(['Layer', 'Bits', 'Bytes', ...(milliseconds ? ['Milliseconds'] : [])]);
  return [
    `<p>${aboutBudget(choice)} The curve holds the best choices, as far as the noises of layers${milliseconds ? ' and their times' : ''} add up; the dashed line is the budget.</p>`,
    bitCurveSvg(choice),
    '<details><summary>Bits of each layer</summary>',
    `${scrolled('Bits of each layer', `<table>${head}<tbody>${rows.join('\n')}</tbody></table>`)}</details>`,
  ].join('\n');
}

function aboutBudget({ budgetBytes, milliseconds, bytes, predictedSqnr, measuredSqnr, storage }: BitChoice): string {
  if (milliseconds) {
    const { budget, float, predicted, measured } = milliseconds;
    return `${formatNumber(predicted)} of ${formatNumber(budget)} ms expected of a run, ${formatNumber(measured)} measured, ${formatNumber(float)} all in float: ${ratio(predictedSqnr)} dB expected, ${ratio(measuredSqnr)} dB measured. Each layer was timed by itself on this adapter, in float and from codes to codes.`;
  }
  const stored = storage === 'onnx' ? 'as ONNX stores them' : 'packed to their bits';
  return `${formatNumber(bytes)} of ${formatNumber(budgetBytes ?? bytes)} bytes, ${stored}: ${ratio(predictedSqnr)} dB expected of weights alone, ${ratio(measuredSqnr)} dB measured.`;
}

function operations({ operations: { float, quantized } }: QuantizationReport): string {
  const row = (label: string, of: (report: OperationReport) => string): string =>
    `<tr><th scope="row">${label}</th><td>${of(float)}</td><td>${of(quantized)}</td></tr>`;
  const rows = [
    row('Products of 8-bit integers', ({ integerMultiplyAdds }) => formatNumber(integerMultiplyAdds)),
    row('Products of floats', ({ floatMultiplyAdds }) => formatNumber(floatMultiplyAdds)),
    row('Bytes read and written', ({ bytesMoved }) => formatNumber(bytesMoved)),
    row('Energy, an estimate', ({ estimatedJoules }) => `${formatNumber(estimatedJoules * 1000)} mJ`),
  ];
  const { integerMultiplyAdd, floatMultiplyAdd, byteMoved } = picojoules;
  return [
    scrolled(
      'Operations and energy',
      `<table>${headOf(['In one run', 'Float', 'Quantized'])}<tbody>${rows.join('\n')}</tbody></table>`,
    ),
    `<p>The energy is an estimate, not measured: ${formatNumber(integerMultiplyAdd)} pJ for a product of 8-bit integers with its addition, ${floatMultiplyAdd} pJ for one of floats, ${byteMoved} pJ for a byte from memory, each operand once. The figures are of 45 nm chips (M. Horowitz, “Computing’s energy problem”, ISSCC 2014); compare the two columns rather than take either by itself.</p>`,
  ].join('\n');
}

function floatOperators({ integer, float, conversions, inFloat }: QuantizationReport['operators']): string {
  const summary = `<p>${plural(integer, 'operator')} with integers alone, ${float} with floats, ${plural(conversions, 'conversion')} between.</p>`;
  if (inFloat.length === 0) return summary;
  const rows = inFloat.map(
    ({ node, operator, reason }) =>
      `<tr><th scope="row">${escapeHtml(node)} <small>${escapeHtml(operator)}</small></th><td class="text">${escapeHtml(reason ?? 'it reads no quantized values')}</td></tr>`,
  );
  const table = `<table>${headOf(['Operator', 'Why'])}<tbody>${rows.join('\n')}</tbody></table>`;
  return `${summary}\n${scrolled('Operators in float', table)}`;
}
