import type { HostTensor } from '../../graph/hostTensor.ts';
import { NodeContext, type Operator } from '../../graph/operator.ts';
import { channelsLastOrder } from '../../nn/channelsLast.ts';
import { lookup, tableOf } from '../../nn/lookup.ts';
import { concatenate } from '../../nn/move.ts';
import { type ByteQuantization, type ByteType, lowestCode } from '../../quant/byteCodes.ts';
import { uploadTable } from '../../quant/codeTable.ts';
import { concatenated, concatenateOnHost } from './layout.ts';
import { byteType, quantizationAt } from './quantizedElementwise.ts';
import { hostInput } from './rearrange.ts';

/** Inputs 2, 5, 8 … are tensors, each followed by its scale and its zero point; inputs 0 and 1 are those of the result. */
function partPlaces(context: NodeContext): number[] {
  const count = (context.inputCount - 2) / 3;
  if (!Number.isInteger(count) || count < 1) {
    context.fail(`it has ${context.inputCount} inputs; it needs a scale, a zero point, and three for each tensor`);
  }
  return Array.from({ length: count }, (_, index) => 2 + 3 * index);
}

/** The node as a Concat of its tensors. */
function partsContext(context: NodeContext): NodeContext {
  const parts = partPlaces(context).map((index) => context.input(index));
  return new NodeContext(context.node, context.opset, parts);
}

const typeOf = (context: NodeContext): ByteType => byteType(context, context.input(2).elementType, 'input 2');

/** The codes that those of the tensor at an input become; undefined where they stay. */
function rescaling(context: NodeContext, index: number): Int8Array | Uint8Array | undefined {
  const dtype = typeOf(context);
  const [from, to]: ByteQuantization[] = [quantizationAt(context, index + 1, dtype), quantizationAt(context, 0, dtype)];
  if (!from || !to || (from.scale === to.scale && from.zeroPoint === to.zeroPoint)) return undefined;
  return tableOf((x) => x, from, to);
}

/** https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearConcat */
export const QLinearConcat: Operator = {
  name: 'QLinearConcat',
  domain: 'com.microsoft',
  infer: (context) => [{ elementType: typeOf(context), shape: concatenated(partsContext(context)).shape }],
  evaluate: (context, inputs) => {
    const low = lowestCode(typeOf(context));
    const parts = partPlaces(context).map((index): HostTensor => {
      const part = hostInput(context, inputs, index);
      const codes = rescaling(context, index);
      return codes ? { ...part, data: part.data.map((code) => codes[code - low] ?? 0) as typeof codes } : part;
    });
    return [concatenateOnHost(partsContext(context), parts)];
  },
  record: (record) => {
    const { engine, context } = record;
    const places = partPlaces(context);
    const { axis, shape } = concatenated(partsContext(context));
    const last = places.some((index) => record.heldChannelsLast(index));
    const parts = places.map((index) => {
      const part = last ? record.channelsLast(index) : record.tensor(index);
      const codes = rescaling(context, index);
      if (!codes) return part.reshape(part.shape);
      const table = record.constant(`table ${index}`, () => uploadTable(engine, codes, typeOf(context)));
      return lookup(engine, part as ReturnType<typeof record.channelsLast>, table);
    });
    const result = concatenate(engine, parts, last ? channelsLastOrder(shape.length).indexOf(axis) : axis);
    for (const part of parts) part.dispose();
    return [last ? { channelsLast: result as ReturnType<typeof record.channelsLast> } : result];
  },
  explain: () => 'a lookup for each input of another scale, and one copy an input',
};
