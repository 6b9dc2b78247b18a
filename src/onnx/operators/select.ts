import { type Shape, splitAtAxis } from '../../base/shape.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import type { HostTensor } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator, RecordContext } from '../../graph/operator.ts';
import { gather, gatherElements } from '../../nn/gather.ts';
import { move, viewOfTensor } from '../../nn/move.ts';
import { topK } from '../../nn/topK.ts';
import { sliced } from '../../nn/view.ts';
import { hostInput, hostZeros } from './rearrange.ts';

/** An index counted from the front. @throws MalformedModel */
function resolveIndex(context: NodeContext, index: number, length: number): number {
  const resolved = index < 0 ? index + length : index;
  if (resolved < 0 || resolved >= length) context.fail(`index ${index} is outside of an axis of length ${length}`);
  return resolved;
}

/** The GPU holds indices of every width as int32. */
function indexTensor(record: RecordContext, index: number): Tensor<'int32'> {
  return record.widened(index) as Tensor<'int32'>;
}

function gatheredShape(context: NodeContext): { readonly axis: number; readonly shape: Shape } {
  const { shape } = context.input(0);
  const axis = context.axis(context.number('axis', 0), shape);
  return { axis, shape: [...shape.slice(0, axis), ...context.input(1).shape, ...shape.slice(axis + 1)] };
}

/** The only index that is asked for, where it is known. */
function singleIndex(context: NodeContext): number | undefined {
  const { host } = context.input(1);
  return host && host.data.length === 1 ? host.data[0] : undefined;
}

/** Slices along an axis, by their indices. */
export const Gather: Operator = {
  name: 'Gather',
  domain: '',
  infer: (context) => [{ elementType: context.input(0).elementType, shape: gatheredShape(context).shape }],
  evaluate: (context, inputs) => {
    const source = hostInput(context, inputs, 0);
    const indices = hostInput(context, inputs, 1).data;
    const { axis, shape } = gatheredShape(context);
    const { outer, length, inner } = splitAtAxis(source.shape, axis);
    const result = hostZeros(context, source.elementType, shape);
    let position = 0;
    for (let o = 0; o < outer; o++) {
      for (const given of indices) {
        const start = (o * length + resolveIndex(context, given, length)) * inner;
        for (let n = 0; n < inner; n++) result.data[position++] = source.data[start + n] ?? 0;
      }
    }
    return [result];
  },
  record: (record) => {
    const { engine, context } = record;
    const source = record.tensor(0);
    const { axis, shape } = gatheredShape(context);
    const index = singleIndex(context);
    if (index === undefined) return [gather(engine, source, indexTensor(record, 1), axis)];
    const start = resolveIndex(context, index, source.shape[axis] ?? 0);
    return [move(engine, source, sliced(viewOfTensor(source), axis, start, 1), shape)];
  },
  explain: (context) =>
    singleIndex(context) === undefined ? 'gather: indices on the GPU' : 'one strided copy: there is one index',
};

function elementsAxis(context: NodeContext): number {
  const { shape } = context.input(0);
  const { shape: indexShape } = context.input(1);
  const axis = context.axis(context.number('axis', 0), shape);
  const fits =
    indexShape.length === shape.length &&
    indexShape.every((length, other) => other === axis || length <= (shape[other] ?? 0));
  if (!fits) context.fail(`indices of shape [${indexShape}] do not lie over [${shape}]`);
  return axis;
}

/** One element for each index, from its own place along the other axes. */
export const GatherElements: Operator = {
  name: 'GatherElements',
  domain: '',
  infer: (context) => {
    elementsAxis(context);
    return [{ elementType: context.input(0).elementType, shape: context.input(1).shape }];
  },
  evaluate: (context, inputs) => {
    const source = hostInput(context, inputs, 0);
    const indices = hostInput(context, inputs, 1);
    const axis = elementsAxis(context);
    const { shape } = indices;
    const result = hostZeros(context, source.elementType, shape);
    for (let element = 0; element < result.data.length; element++) {
      let place = 0;
      let [rest, stride] = [element, 1];
      for (let other = shape.length - 1; other >= 0; other--) {
        const coordinate = rest % (shape[other] ?? 1);
        rest = (rest - coordinate) / (shape[other] ?? 1);
        const length = source.shape[other] ?? 1;
        place += stride * (other === axis ? resolveIndex(context, indices.data[element] ?? 0, length) : coordinate);
        stride *= length;
      }
      result.data[element] = source.data[place] ?? 0;
    }
    return [result];
  },
  record: (record) => [
    gatherElements(record.engine, record.tensor(0), indexTensor(record, 1), elementsAxis(record.context)),
  ],
  explain: () => 'gather: an index an element',
};

interface Selection {
  readonly axis: number;
  readonly count: number;
  readonly largest: boolean;
  readonly lastFirst: boolean;
}

/** The places of the selected elements on their axis, in the shape of the result. */
function selectOnHost(context: NodeContext, source: HostTensor, { axis, count, largest, lastFirst }: Selection) {
  const { outer, length, inner } = splitAtAxis(source.shape, axis);
  const places = hostZeros(context, 'int64', source.shape.with(axis, count));
  const values = hostZeros(context, source.elementType, places.shape);
  // NaN is larger than any number.
  const order = (x: number, y: number): number =>
    Number.isNaN(x) || Number.isNaN(y) ? Number(Number.isNaN(y)) - Number(Number.isNaN(x)) : Math.sign(y - x);
  const sign = largest ? 1 : -1;
  for (let row = 0; row < outer * inner; row++) {
    const n = row % inner;
    const start = ((row - n) / inner) * length * inner + n;
    const at = (place: number): number => source.data[start + place * inner] ?? 0;
    const sorted = Array.from({ length }, (_, place) => place).sort(
      (a, b) => sign * order(at(a), at(b)) || (lastFirst ? b - a : a - b),
    );
    sorted.slice(0, count).forEach((place, rank) => {
      const goal = ((row - n) / inner) * count * inner + rank * inner + n;
      places.data[goal] = place;
      values.data[goal] = at(place);
    });
  }
  return { values, places };
}

function topKSelection(context: NodeContext): Selection {
  const { shape } = context.input(0);
  const axis = context.axis(context.number('axis', -1), shape);
  // Before operator set 10 the number is an attribute.
  const count = context.number('k') ?? context.integers(1)[0] ?? context.fail('it does not say how many');
  const fits = Number.isInteger(count) && count >= 0 && count <= (shape[axis] ?? 0);
  if (!fits) context.fail(`it selects ${count} elements along axis ${axis} of [${shape}]`);
  return { axis, count, largest: context.number('largest', 1) !== 0, lastFirst: false };
}

/** The largest or smallest elements along an axis, and their places. Always sorted. */
export const TopK: Operator = {
  name: 'TopK',
  domain: '',
  infer: (context) => {
    const { elementType, shape } = context.input(0);
    const { axis, count } = topKSelection(context);
    const result = shape.with(axis, count);
    return [
      { elementType, shape: result },
      { elementType: 'int64', shape: result },
    ];
  },
  evaluate: (context, inputs) => {
    const { values, places } = selectOnHost(context, hostInput(context, inputs, 0), topKSelection(context));
    return [values, places];
  },
  record: ({ engine, context, widened, narrowed }) => {
    const { values, places } = topK(engine, widened(0), topKSelection(context));
    return [narrowed(values), places];
  },
  explain: () => 'selection of one element after the other',
};

function extremeOperator(name: string, largest: boolean): Operator {
  const selectionOf = (context: NodeContext): Selection => {
    const { shape } = context.input(0);
    const axis = context.axis(context.number('axis', 0), shape);
    if (shape[axis] === 0) context.fail(`axis ${axis} of [${shape}] has no elements`);
    return { axis, count: 1, largest, lastFirst: context.number('select_last_index', 0) !== 0 };
  };
  const shapeOf = (context: NodeContext): Shape => {
    const { shape } = context.input(0);
    const { axis } = selectionOf(context);
    return context.number('keepdims', 1) !== 0 ? shape.with(axis, 1) : shape.toSpliced(axis, 1);
  };
  return {
    name,
    domain: '',
    infer: (context) => [{ elementType: 'int64', shape: shapeOf(context) }],
    evaluate: (context, inputs) => {
      const { places } = selectOnHost(context, hostInput(context, inputs, 0), selectionOf(context));
      return [{ ...places, shape: shapeOf(context) }];
    },
    record: ({ engine, context, widened }) => {
      const { values, places } = topK(engine, widened(0), selectionOf(context));
      values.dispose();
      using kept = places;
      return [kept.reshape(shapeOf(context))];
    },
    explain: () => 'selection of one element',
  };
}

/** Place of the largest element along an axis. */
export const ArgMax: Operator = extremeOperator('ArgMax', true);

/** Place of the smallest element along an axis. */
export const ArgMin: Operator = extremeOperator('ArgMin', false);

export const selectOperators: readonly Operator[] = [Gather, GatherElements, TopK, ArgMax, ArgMin];
