import { elementCount, type Shape } from '../../base/shape.ts';
import { matmul } from '../../gemm/matmul.ts';
import type { Engine } from '../../gpu/engine.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { type HostTensor, hostTensor, isInteger } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator, RecordContext, StaticNode, ValueType } from '../../graph/operator.ts';
import { forEachBroadcast } from '../../nn/broadcast.ts';
import { binary, unary, where } from '../../nn/elementwise.ts';
import { concatenate, move, viewOfTensor } from '../../nn/move.ts';
import { softmax } from '../../nn/softmax.ts';
import { divided, shapeOfView, transposed } from '../../nn/view.ts';
import { namedOutputs } from './namedOutputs.ts';
import { hostInput } from './rearrange.ts';

/** Extents and options of a node. */
interface AttentionNode {
  /** Queries, keys and values are [batch, length, heads · size], not [batch, heads, length, size]. */
  readonly joined: boolean;
  readonly batchCount: number;
  readonly queryHeads: number;
  /** Heads of keys and values; each serves as many query heads as it has to. */
  readonly keyHeads: number;
  readonly queryLength: number;
  /** Keys that come with the node's past, and all of them. */
  readonly pastLength: number;
  readonly keyLength: number;
  readonly headSize: number;
  readonly valueSize: number;
  readonly scale: number;
  /** 0 for none. */
  readonly softcap: number;
  readonly causal: boolean;
}

function unsupportedReason({ node }: StaticNode): string | undefined {
  if (node.outputs[3]) return 'its output of products of queries and keys is not computed';
  if (node.inputs[6]) return 'lengths of padded keys are not taken';
  return undefined;
}

function attentionOf(context: NodeContext): AttentionNode {
  const [query, key, value] = [0, 1, 2].map((index) => context.input(index));
  const types = [query, key, value].map((input) => input?.elementType ?? 'float32');
  if (types.some((type) => type !== types[0] || isInteger(type))) {
    context.fail(`its queries, keys and values are ${types.join(', ')}, but must be of one float type`);
  }
  const shapes = [query, key, value].map((input) => input?.shape ?? []);
  const rank = shapes[0]?.length ?? 0;
  if ((rank !== 3 && rank !== 4) || shapes.some((shape) => shape.length !== rank)) {
    context.fail(`it has operands of shapes ${listed(shapes)}, but all must have 3 axes, or 4`);
  }
  const joined = rank === 3;
  const [q, k, v] = shapes.map((shape, index) => {
    if (!joined) return shape;
    const name = index === 0 ? 'q_num_heads' : 'kv_num_heads';
    const heads = context.number(name) ?? context.fail(`attribute "${name}" is missing`);
    const [batch = 0, length = 0, width = 0] = shape;
    if (heads < 1 || width % heads !== 0) context.fail(`${width} elements do not make ${heads} even heads`);
    return [batch, heads, length, width / heads];
  });
  const [batchCount = 0, queryHeads = 0, queryLength = 0, headSize = 0] = q ?? [];
  const [, keyHeads = 0, newLength = 0] = k ?? [];
  const valueSize = v?.[3] ?? 0;
  const [pastKey, pastValue] = [context.optionalInput(4)?.shape, context.optionalInput(5)?.shape];
  const pastLength = pastKey?.[2] ?? 0;
  const wanted = [
    [k, [batchCount, keyHeads, newLength, headSize]],
    [v, [batchCount, keyHeads, newLength, valueSize]],
    [pastKey, [batchCount, keyHeads, pastLength, headSize]],
    [pastValue, pastKey && [batchCount, keyHeads, pastLength, valueSize]],
  ] as const;
  const fits = wanted.every(([given, goal]) => !given || String(given) === String(goal));
  if (!fits || (pastKey && !pastValue) || keyHeads < 1 || queryHeads % keyHeads !== 0) {
    const pasts = [pastKey, pastValue].flatMap((shape) => (shape ? [shape] : []));
    context.fail(`operands of shapes ${listed([...shapes, ...pasts])} do not fit together`);
  }
  const keyLength = pastLength + newLength;
  const mask = context.optionalInput(3);
  const scores = [batchCount, queryHeads, queryLength, keyLength];
  const masks = mask?.shape.every(
    (length, axis, { length: axes }) => length === 1 || length === scores[4 - axes + axis],
  );
  if (mask && (!masks || mask.shape.length > 4)) {
    context.fail(`its mask has shape [${mask.shape}], which is not broadcast to [${scores}]`);
  }
  return {
    ...{ joined, batchCount, queryHeads, keyHeads, queryLength, pastLength, keyLength, headSize, valueSize },
    scale: context.number('scale') ?? 1 / Math.sqrt(headSize),
    softcap: context.number('softcap', 0),
    causal: context.number('is_causal', 0) === 1,
  };
}

function listed(shapes: readonly Shape[]): string {
  return shapes.map((shape) => `[${shape}]`).join(', ');
}

function outputTypes(context: NodeContext): ValueType[] {
  const node = attentionOf(context);
  const { joined, batchCount, queryHeads, keyHeads, queryLength, keyLength, headSize, valueSize } = node;
  const { elementType } = context.input(0);
  const shape = joined
    ? [batchCount, queryLength, queryHeads * valueSize]
    : [batchCount, queryHeads, queryLength, valueSize];
  return [
    { elementType, shape },
    { elementType, shape: [batchCount, keyHeads, keyLength, headSize] },
    { elementType, shape: [batchCount, keyHeads, keyLength, valueSize] },
  ];
}

/** Where the element of a head lies in an operand. */
function placeIn(joined: boolean, heads: number, length: number, size: number) {
  return (batch: number, head: number, position: number): number =>
    (joined ? (batch * length + position) * heads + head : (batch * heads + head) * length + position) * size;
}

/** Keys or values of the past and of the node, [batch, heads, length, size]. */
function joinOnHost(node: AttentionNode, size: number, given: HostTensor, past: HostTensor | undefined): Float64Array {
  const { joined, batchCount, keyHeads, pastLength, keyLength } = node;
  const all = new Float64Array(batchCount * keyHeads * keyLength * size);
  const newLength = keyLength - pastLength;
  const placeOf = placeIn(joined, keyHeads, newLength, size);
  for (let head = 0; head < batchCount * keyHeads; head++) {
    const first = head * keyLength * size;
    all.set(past?.data.subarray(head * pastLength * size, (head + 1) * pastLength * size) ?? [], first);
    for (let position = 0; position < newLength; position++) {
      const place = placeOf(Math.floor(head / keyHeads), head % keyHeads, position);
      all.set(given.data.subarray(place, place + size), first + (pastLength + position) * size);
    }
  }
  return all;
}

/** What is added to the products of queries and keys: -inf where a key is not seen. */
function biasOnHost(node: AttentionNode, mask: HostTensor | undefined): Float64Array {
  const { batchCount, queryHeads, queryLength, keyLength, pastLength, causal } = node;
  const bias = new Float64Array(batchCount * queryHeads * queryLength * keyLength);
  if (mask) {
    const hides = mask.elementType === 'bool';
    forEachBroadcast([batchCount, queryHeads, queryLength, keyLength], [mask.shape], ([place = 0], index) => {
      const element = mask.data[place] ?? 0;
      bias[index] = !hides ? element : element ? 0 : Number.NEGATIVE_INFINITY;
    });
  }
  if (causal) {
    bias.forEach((_, index) => {
      const query = Math.floor(index / keyLength) % queryLength;
      if (index % keyLength > query + pastLength) bias[index] = Number.NEGATIVE_INFINITY;
    });
  }
  return bias;
}

function evaluateAttention(context: NodeContext, inputs: readonly (HostTensor | undefined)[]): HostTensor[] {
  const node = attentionOf(context);
  const { joined, batchCount, queryHeads, keyHeads, queryLength, keyLength, headSize, valueSize, scale, softcap } =
    node;
  const query = hostInput(context, inputs, 0).data;
  const keys = joinOnHost(node, headSize, hostInput(context, inputs, 1), inputs[4]);
  const values = joinOnHost(node, valueSize, hostInput(context, inputs, 2), inputs[5]);
  const bias = biasOnHost(node, inputs[3]);
  const y = new Float64Array(batchCount * queryLength * queryHeads * valueSize);
  const queryPlace = placeIn(joined, queryHeads, queryLength, headSize);
  const outputPlace = placeIn(joined, queryHeads, queryLength, valueSize);
  for (let row = 0; row < batchCount * queryHeads * queryLength; row++) {
    const position = row % queryLength;
    const head = Math.floor(row / queryLength) % queryHeads;
    const batch = Math.floor(row / queryLength / queryHeads);
    const keyFirst = (batch * keyHeads + Math.floor((head * keyHeads) / queryHeads)) * keyLength;
    const from = queryPlace(batch, head, position);
    const scores = Array.from({ length: keyLength }, (_, key) => {
      let product = 0;
      for (let k = 0; k < headSize; k++) {
        product += (query[from + k] ?? 0) * (keys[(keyFirst + key) * headSize + k] ?? 0);
      }
      const capped = softcap > 0 ? softcap * Math.tanh((product * scale) / softcap) : product * scale;
      return capped + (bias[row * keyLength + key] ?? 0);
    });
    const greatest = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - greatest));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const to = outputPlace(batch, head, position);
    for (let k = 0; k < valueSize; k++) {
      y[to + k] = weights.reduce(
        (total, weight, key) => total + (weight / sum) * (values[(keyFirst + key) * valueSize + k] ?? 0),
        0,
      );
    }
  }
  const types = outputTypes(context);
  return [y, keys, values]
    .flatMap((data, index) => {
      const type = types[index];
      return type ? [hostTensor(type.elementType, type.shape, data)] : [];
    })
    .slice(0, context.node.outputs.length);
}

type Floats = Tensor<'float32'>;

/** A tensor with heads apart, [batch, heads, length, size], as one that the caller disposes. */
function recordHeads({ engine, tensor }: RecordContext, index: number, joined: boolean, heads: number): Floats {
  const x = tensor(index) as Floats;
  if (!joined) return x.reshape(x.shape);
  const view = viewOfTensor(x);
  const parted = transposed(divided(view, 2, [heads, (x.shape[2] ?? 0) / heads]), [0, 2, 1, 3]);
  return move(engine, x, parted, shapeOfView(parted));
}

/** Keys or values of the past and of the node. */
function recordWithPast(record: RecordContext, node: AttentionNode, index: number, pastIndex: number): Floats {
  const present = recordHeads(record, index, node.joined, node.keyHeads);
  const past = record.optionalTensor(pastIndex) as Floats | undefined;
  if (!past) return present;
  const all = concatenate(record.engine, [past, present], 2);
  present.dispose();
  return all;
}

/** The later tensor, in place of the one that it was made from. */
function replaced(former: Tensor, later: Tensor): Floats {
  former.dispose();
  return later as Floats;
}

/** Products of queries and keys made into what the softmax is taken of. */
function recordScores(record: RecordContext, node: AttentionNode, products: Floats): Floats {
  const { engine, context, optionalTensor } = record;
  const { queryLength, keyLength, pastLength, scale, softcap, causal } = node;
  let scores = products;
  if (softcap > 0) {
    scores = replaced(scores, unary(engine, 'linear', scores, { alpha: scale / softcap }));
    scores = replaced(scores, unary(engine, 'tanh', scores));
    scores = replaced(scores, unary(engine, 'linear', scores, { alpha: softcap }));
  } else {
    scores = replaced(scores, unary(engine, 'linear', scores, { alpha: scale }));
  }
  const mask = optionalTensor(3);
  if (mask && context.input(3).elementType === 'bool') {
    using hidden = hiddenScore(engine);
    scores = replaced(scores, where(engine, mask as Tensor<'int32'>, scores, hidden));
  } else if (mask) {
    scores = replaced(scores, binary(engine, 'add', scores, mask as Floats));
  }
  if (!causal) return scores;
  const seen = Int32Array.from({ length: queryLength * keyLength }, (_, index) =>
    index % keyLength > Math.floor(index / keyLength) + pastLength ? 0 : 1,
  );
  using triangle = engine.tensor(seen, [queryLength, keyLength]);
  using hidden = hiddenScore(engine);
  return replaced(scores, where(engine, triangle, scores, hidden));
}

/** The score of a key that a query does not see. */
function hiddenScore(engine: Engine): Floats {
  return engine.tensor(new Float32Array([Number.NEGATIVE_INFINITY]), []);
}

function recordAttention(record: RecordContext): readonly Tensor[] {
  const { engine, context } = record;
  const node = attentionOf(context);
  const { joined, batchCount, queryHeads, keyHeads, queryLength, keyLength, headSize, valueSize } = node;
  const keys = recordWithPast(record, node, 1, 4);
  const values = recordWithPast(record, node, 2, 5);
  const shape = outputTypes(context)[0]?.shape ?? [];
  if (elementCount(shape) === 0 || keyLength === 0) {
    const y = engine.empty(shape, 'float32');
    engine.clear(y.allocation);
    return namedOutputs(context, [y, keys, values]);
  }
  // The query heads that share a key head follow each other: together they are rows of one matrix.
  const rowCount = (queryHeads / keyHeads) * queryLength;
  using query = recordHeads(record, 0, joined, queryHeads);
  using rows = query.reshape([batchCount, keyHeads, rowCount, headSize]);
  const columnsView = transposed(viewOfTensor(keys), [0, 1, 3, 2]);
  using columns = move(engine, keys, columnsView, shapeOfView(columnsView));
  using products = matmul(engine, rows, columns);
  using scores = recordScores(record, node, products.reshape([batchCount, queryHeads, queryLength, keyLength]));
  using weights = softmax(engine, scores);
  using weightRows = weights.reshape([batchCount, keyHeads, rowCount, keyLength]);
  using sums = matmul(engine, weightRows, values);
  using heads = sums.reshape([batchCount, queryHeads, queryLength, valueSize]);
  const y = joined
    ? move(engine, heads, transposed(viewOfTensor(heads), [0, 2, 1, 3]), shape)
    : heads.reshape(heads.shape);
  return namedOutputs(context, [y, keys, values]);
}

/** Scaled dot-product attention of version 23: grouped heads, mask, causal mask, soft cap, past keys and values. */
export const Attention: Operator = {
  name: 'Attention',
  domain: '',
  unsupported: unsupportedReason,
  infer: outputTypes,
  evaluate: evaluateAttention,
  record: recordAttention,
  explain: (context) => {
    const { batchCount, keyHeads, queryHeads, queryLength, keyLength } = attentionOf(context);
    return `two f32 products of ${batchCount * keyHeads} matrices and nn/softmax between: ${queryHeads} heads, ${queryLength} queries of ${keyLength} keys`;
  },
};

/** The family of attention. */
export const attentionOperators: readonly Operator[] = [Attention];
