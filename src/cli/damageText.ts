/** What quantization cost, in the terminal. */
import type { QuantizationReport } from '../graph/explain/explain.ts';
import { formatNumber, textTable } from './text.ts';

/** In one line: the whole, and the layers that hurt most. */
export function describeDamage({ sqnr, layers }: QuantizationReport): string {
  const worst = layers.slice(0, 3).flatMap(({ node, sensitivity }) => {
    return sensitivity ? [`${node} (${sensitivity.onlyThis.toFixed(1)} dB alone)`] : [];
  });
  return `signal to noise ${sqnr.toFixed(1)} dB; hurting most: ${worst.join(', ')}`;
}

/** One line a layer, those that hurt most first. */
export function damageTable({ layers }: QuantizationReport): string {
  return textTable(
    ['layer', 'operator', 'noise %', 'only this dB', 'all but this dB', 'weights dB', 'at an end %', 'bytes'],
    layers.map(({ node, operator, sensitivity, weights, inputs, bytes }) => [
      node,
      operator,
      sensitivity ? formatNumber(sensitivity.noiseShare * 100) : '–',
      sensitivity?.onlyThis.toFixed(1) ?? '–',
      sensitivity?.allButThis.toFixed(1) ?? '–',
      weights?.sqnr.toFixed(1) ?? '–',
      inputs.length > 0 ? formatNumber(Math.max(...inputs.map(({ saturation }) => saturation)) * 100) : '–',
      bytes.quantized.toLocaleString('en'),
    ]),
  );
}
