import type { Attribute } from '../../src/graph/graph.ts';
import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { Attention } from '../../src/onnx/operators/attention.ts';
import { createRandom } from '../reference/random.ts';
import type { NamedCase } from './nodeCases.ts';

/** Weighted means of values of magnitude 4, whose weights have exponentials of f32 sums in them. */
const tolerance = 2e-5;
const random = createRandom(20261123);
const floats = (...shape: number[]): HostTensor =>
  hostTensor('float32', shape, random.normalArray(shape.reduce((product, length) => product * length, 1)));

/** A mask that hides about a third of the keys, never the first. */
function mask(...shape: number[]): HostTensor {
  const length = shape.at(-1) ?? 1;
  const count = shape.reduce((product, extent) => product * extent, 1);
  const elements = Array.from({ length: count }, (_, index) =>
    index % length === 0 || random.uniform() > 0.3 ? 1 : 0,
  );
  return hostTensor('bool', shape, elements);
}

function attention(
  name: string,
  inputs: readonly (HostTensor | undefined)[],
  attributes: Readonly<Record<string, Attribute>> = {},
  outputCount = 1,
): NamedCase {
  const floatAttributes = ['scale', 'softcap'];
  return { name, operator: Attention, opset: 23, inputs, attributes, floatAttributes, outputCount, tolerance };
}

const joinedHeads = { q_num_heads: 4, kv_num_heads: 2 };

/** Cases of attention that ONNX Runtime computes too. */
export const attentionCases: NamedCase[] = [
  attention('heads apart', [floats(2, 3, 5, 8), floats(2, 3, 7, 8), floats(2, 3, 7, 6)]),
  attention('one of everything', [floats(1, 1, 1, 1), floats(1, 1, 1, 1), floats(1, 1, 1, 1)]),
  attention('heads joined', [floats(2, 5, 12), floats(2, 7, 12), floats(2, 7, 9)], { q_num_heads: 3, kv_num_heads: 3 }),
  attention('grouped heads apart', [floats(2, 4, 3, 8), floats(2, 2, 5, 8), floats(2, 2, 5, 8)], { scale: 0.5 }),
  attention('grouped heads joined', [floats(2, 5, 16), floats(2, 7, 8), floats(2, 7, 8)], joinedHeads),
  attention('causal', [floats(2, 3, 5, 8), floats(2, 3, 5, 8), floats(2, 3, 5, 8)], { is_causal: 1 }),
  attention('causal, more keys than queries', [floats(1, 2, 3, 4), floats(1, 2, 6, 4), floats(1, 2, 6, 4)], {
    is_causal: 1,
  }),
  attention('masked by numbers', [floats(2, 3, 5, 8), floats(2, 3, 7, 8), floats(2, 3, 7, 8), floats(5, 7)]),
  attention('masked by numbers of each head', [
    floats(2, 3, 5, 8),
    floats(2, 3, 7, 8),
    floats(2, 3, 7, 8),
    floats(2, 3, 5, 7),
  ]),
  attention('masked by flags', [floats(2, 3, 5, 8), floats(2, 3, 7, 8), floats(2, 3, 7, 8), mask(5, 7)]),
  attention(
    'masked by flags of each sample, causal',
    [floats(2, 3, 7, 8), floats(2, 3, 7, 8), floats(2, 3, 7, 8), mask(2, 1, 7, 7)],
    {
      is_causal: 1,
    },
  ),
  attention('with a soft cap', [floats(2, 3, 5, 8), floats(2, 3, 7, 8), floats(2, 3, 7, 8)], { softcap: 0.7 }),
  attention('masked, with a soft cap', [floats(1, 2, 5, 8), floats(1, 2, 7, 8), floats(1, 2, 7, 8), floats(5, 7)], {
    softcap: 0.7,
  }),
  attention(
    'with a past',
    [floats(2, 4, 3, 8), floats(2, 2, 3, 8), floats(2, 2, 3, 8), undefined, floats(2, 2, 5, 8), floats(2, 2, 5, 8)],
    {},
    3,
  ),
  attention(
    'joined with a past, causal',
    [floats(2, 3, 16), floats(2, 3, 8), floats(2, 3, 8), undefined, floats(2, 2, 5, 4), floats(2, 2, 5, 4)],
    { ...joinedHeads, is_causal: 1 },
    3,
  ),
];
