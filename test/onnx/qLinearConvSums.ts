import { elementCount } from '../../src/base/shape.ts';
import { ConvInteger } from '../../src/onnx/operators/integerConvolution.ts';
import { evaluateNode } from '../support/oneNode.ts';
import type { NamedCase } from './nodeCases.ts';

/** What a QLinearConv rounds, (sum + bias) · factor, in float64: from the sums of ConvInteger. */
export function sumsOfQLinearConv({ attributes = {}, inputs }: NamedCase): number[] {
  const [x, xScale, xZeroPoint, w, wScale, wZeroPoint, yScale, , bias] = inputs;
  const [sums] = evaluateNode({ operator: ConvInteger, attributes, inputs: [x, w, xZeroPoint, wZeroPoint] });
  if (!sums) throw new Error('ConvInteger has one output.');
  const plane = elementCount(sums.shape.slice(2));
  return Array.from(sums.data, (sum, index) => {
    const channel = Math.floor(index / plane) % (sums.shape[1] ?? 1);
    const ofChannel = wScale?.data[wScale.data.length === 1 ? 0 : channel] ?? 0;
    const factor = Math.fround(Math.fround((xScale?.data[0] ?? 0) * ofChannel) / (yScale?.data[0] ?? 1));
    return (sum + (bias?.data[channel] ?? 0)) * factor;
  });
}
