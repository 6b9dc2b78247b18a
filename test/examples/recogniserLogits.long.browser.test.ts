/** Ranges of the recogniser's scores before its softmax: by cross-entropy, beside the whole range. */
import { expect, test } from 'vitest';
import { assets } from '../../examples/data/assets.ts';
import { bytesAt } from '../../examples/data/fetchBytes.ts';
import { drawnSet } from '../../examples/ocr/drawnSet.ts';
import { allAtOnce } from '../../src/base/pieces.ts';
import { crossEntropyRange } from '../../src/calib/crossEntropy.ts';
import { Model } from '../../src/graph/model.ts';
import { loadOnnx } from '../../src/index.ts';
import { referenceQuantized } from '../reference/calib.ts';
import { agreement } from '../reference/logits.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine({ poison: false });
/** Lines that ranges are found with, and others that they are judged with. */
const [fitted, judged] = [2, 8];
/** Most rows leave no doubt: only this share of the chances takes in more than one character. */
const topShare = 0.9999;
const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

test('top-1 and top-p of the characters are kept better than by the whole range', async () => {
  const engine = await open();
  using whole = await loadOnnx(engine, await bytesAt(assets.ocr.recogniser));
  const softmax = whole.source.nodes.findLast(({ operator }) => operator === 'Softmax');
  const name = softmax?.inputs[0] ?? '';
  const outputs = [{ name, elementType: undefined, dimensions: undefined }];
  using model = new Model(engine, { ...whole.source, outputs }, whole.operators);
  const keys = await bytesAt(assets.ocr.keys);
  const rows: number[][][] = [];
  for await (const { inputs } of drawnSet({ kind: 'ocr', samples: fitted + judged, seed: 9 }, 'x', keys).batches) {
    using scores = model.run(inputs).get(name);
    const { shape = [], data = [] } = (await scores?.read()) ?? {};
    const classes = shape.at(-1) ?? 0;
    rows.push(
      Array.from({ length: data.length / classes }, (_, row) =>
        Array.from(data.slice(row * classes, (row + 1) * classes), Number),
      ),
    );
  }
  const known = rows.slice(0, fitted).flat();
  const set = rows.slice(fitted).flat();
  expect(set.length).toBeGreaterThan(100);
  let all = { minimum: 0, maximum: 0 };
  for (const row of known) {
    for (const value of row) {
      all = { minimum: Math.min(all.minimum, value), maximum: Math.max(all.maximum, value) };
    }
  }
  for (const bits of [8, 6, 4]) {
    const range = allAtOnce(crossEntropyRange(known, all, { bits, signed: false, scheme: 'asymmetric' }));
    const [plain, chosen] = [all, range].map((each) =>
      agreement(
        set,
        set.map((row) => referenceQuantized(row, each, bits, false)),
        topShare,
      ),
    );
    if (!plain || !chosen) throw new Error('There are two.');
    console.log(
      `${bits} bits, ${set.length} rows: top-1 ${percent(plain.top1)} → ${percent(chosen.top1)}, order ${percent(plain.order)} → ${percent(chosen.order)}; range ${all.minimum.toFixed(2)} … ${all.maximum.toFixed(2)} → ${range.minimum.toFixed(2)} … ${range.maximum.toFixed(2)}`,
    );
    expect(chosen.top1).toBeGreaterThanOrEqual(plain.top1);
    expect(chosen.order).toBeGreaterThanOrEqual(plain.order);
    if (bits < 8) expect(chosen.top1 + chosen.order).toBeGreaterThan(plain.top1 + plain.order);
  }
}, 600_000);
