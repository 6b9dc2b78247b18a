/** The tables of low bits: how many drawn lines models still read whose weights were quantized in different ways. */
import { describe, expect, test } from 'vitest';
import { openModelPeers } from '../../examples/bench/peers.ts';
import { assets } from '../../examples/data/assets.ts';
import { bytesAt } from '../../examples/data/fetchBytes.ts';
import { drawnSet } from '../../examples/ocr/drawnSet.ts';
import type { ModelRunner } from '../../src/cli/jobs/modelPeers.ts';
import { evaluateRunners, runnerOf } from '../../src/graph/evaluate.ts';
import {
  type EvaluationSet,
  type LabelledBatch,
  type LayerInputs,
  loadOnnx,
  type Model,
  observeLayers,
  prepareWeights,
  type QuantizedModel,
  type QuantizeModelOptions,
  quantizeModel,
  type Share,
  type WeightOptions,
} from '../../src/index.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine({ poison: false });

/**
 * What a longer run sets. The tables in the README:
 * `VITE_WHOLE=1 VITE_LINES=500 VITE_COMPARED=20 VITE_ITERATIONS=1000 npx vitest run --mode full --project chromium lowBits`
 */
const setting = (name: string, fallback: number): number => Number(import.meta.env[`VITE_${name}`] ?? fallback);
/** Whether the recogniser is measured too, which takes hours where shaders run on the CPU, and all rows. */
const isWhole = setting('WHOLE', 0) === 1;
const lines = setting('LINES', 40);
/** Lines that layers are observed with. */
const observed = setting('OBSERVED', 8);
/** Lines that our own kernels read too. */
const compared = setting('COMPARED', 2);
const iterations = setting('ITERATIONS', 200);

const columns: Readonly<Record<string, QuantizeModelOptions>> = {
  nearest: {},
  'nearest, corrected': { correctBias: true },
  gptq: { weights: { rounding: 'gptq' }, correctBias: true },
  descent: { weights: { rounding: 'descent' }, correctBias: true },
  adaround: { weights: { rounding: 'adaround' }, correctBias: true },
  codebook: { weights: { quantizer: 'codebook' }, correctBias: true },
  nf4: { weights: { quantizer: 'nf4' }, correctBias: true },
};

interface Row {
  readonly title: string;
  readonly weights: WeightOptions;
  /** Columns that the row has. */
  readonly columns: readonly string[];
}

const all = Object.keys(columns);
const even = all.filter((column) => column !== 'nf4');
const plain = ['nearest', 'gptq', 'descent'];

const tables = [
  {
    role: 'classifier',
    kind: 'ocr-directions',
    rows: [
      { title: '8 bits, tensor', weights: { bits: 8, granularity: 'tensor' }, columns: ['nearest'] },
      { title: '8 bits, channel', weights: { bits: 8 }, columns: ['nearest'] },
      { title: '6 bits, tensor', weights: { bits: 6, granularity: 'tensor' }, columns: plain },
      { title: '4 bits, tensor', weights: { bits: 4, granularity: 'tensor' }, columns: plain },
      { title: '4 bits, channel', weights: { bits: 4 }, columns: even },
      { title: '4 bits, groups of 32', weights: { bits: 4, granularity: { group: 32 } }, columns: all },
      { title: '3 bits, channel', weights: { bits: 3 }, columns: even },
    ],
  },
  {
    role: 'recogniser',
    kind: 'ocr',
    rows: [
      { title: '8 bits, tensor', weights: { bits: 8, granularity: 'tensor' }, columns: ['nearest'] },
      { title: '8 bits, channel', weights: { bits: 8 }, columns: ['nearest'] },
      { title: '6 bits, tensor', weights: { bits: 6, granularity: 'tensor' }, columns: ['nearest'] },
      { title: '6 bits, channel', weights: { bits: 6 }, columns: even },
      { title: '4 bits, tensor', weights: { bits: 4, granularity: 'tensor' }, columns: ['nearest'] },
      { title: '4 bits, channel', weights: { bits: 4 }, columns: even },
      { title: '4 bits, groups of 32', weights: { bits: 4, granularity: { group: 32 } }, columns: all },
    ],
  },
] as const satisfies readonly { role: string; kind: string; rows: readonly Row[] }[];

async function held(set: EvaluationSet): Promise<{ set: EvaluationSet; batches: LabelledBatch[] }> {
  const batches: LabelledBatch[] = [];
  for await (const batch of set.batches) batches.push(batch);
  return { set: { ...set, batches }, batches };
}

async function quantized(model: Model, options: QuantizeModelOptions): Promise<QuantizedModel> {
  const prepared = await prepareWeights(model, undefined, options, { adaRound: { iterations } });
  return quantizeModel(model, undefined, { ...options, prepared });
}

const percent = (share: number): string => (100 * share).toFixed(1);

/** A share with its 95 % interval, in percent. */
const spelled = ({ share, interval: [least, greatest] }: Pick<Share, 'share' | 'interval'>): string =>
  `${percent(share)} (${percent(least)} … ${percent(greatest)})`;

/** A reader that has read everything once. */
async function remembering(runner: ModelRunner, batches: readonly LabelledBatch[]): Promise<ModelRunner> {
  const answers = new Map<unknown, Awaited<ReturnType<ModelRunner['run']>>>();
  for (const { inputs } of batches) answers.set(inputs, await runner.run(inputs));
  return { ...runner, run: async (inputs) => answers.get(inputs) ?? runner.run(inputs) };
}

const measured = isWhole ? tables : tables.slice(0, 1);
/** Rows that are checked, and so measured in any case. */
const checked = ['8 bits, channel', '4 bits, tensor', '4 bits, channel', '4 bits, groups of 32'];

describe.each(measured)('weights of the $role', ({ role, kind, rows }) => {
  test('are read best after careful rounding', async () => {
    const engine = await open();
    const bytes = await bytesAt(assets.ocr[role]);
    using model = await loadOnnx(engine, bytes);
    const keys = await bytesAt(assets.ocr.keys);
    const { batches: samples } = await held(drawnSet({ kind, samples: observed, seed: 77 }, 'x', keys));
    const { set, batches } = await held(drawnSet({ kind, samples: lines, seed: 1 }, 'x', keys));
    const started = performance.now();
    const layerInputs: LayerInputs = await observeLayers(
      model,
      samples.map(({ inputs }) => inputs),
      { positions: 512 },
    );
    console.log(`${role}: layers observed in ${Math.round((performance.now() - started) / 1000)} s`);
    const { wasm } = await openModelPeers();
    const float = await remembering(await wasm({ bytes, externalData: {} }), batches);
    const found = new Map<string, Map<string, number>>();
    for (const row of rows as readonly Row[]) {
      if (!isWhole && !checked.includes(row.title)) continue;
      const cells = new Map<string, number>();
      for (const column of row.columns) {
        const { weights, ...rest } = columns[column] ?? {};
        const merged = { ...row.weights, ...weights };
        const options = { activations: 'float', layerInputs, ...rest, weights: merged } as const;
        const made = await quantized(model, options);
        using _ = made.model;
        const theirs = await wasm({ bytes: made.toOnnx(), externalData: {} });
        const { quantized: reading, difference } = await evaluateRunners({ float, quantized: theirs }, set);
        cells.set(column, reading.correct.share);
        console.log(
          `${role}, ${row.title}, ${column}: ${spelled(reading.correct)}, against float ${spelled(difference)}`,
        );
        const few = { ...set, batches: batches.slice(0, compared) };
        const { agreement } = await evaluateRunners({ float: theirs, quantized: runnerOf(made.model) }, few);
        expect(agreement.share, `${row.title}, ${column}`).toBe(1);
        theirs.dispose();
      }
      found.set(row.title, cells);
    }
    const of = (row: string, column: string): number => found.get(row)?.get(column) ?? Number.NaN;
    console.log(`${role}: ${JSON.stringify([...found].map(([title, cells]) => [title, Object.fromEntries(cells)]))}`);
    for (const column of ['gptq', 'descent', 'adaround', 'codebook']) {
      expect(of('4 bits, channel', column), column).toBeGreaterThan(
        Math.max(of('4 bits, channel', 'nearest') - 0.05, 0.8),
      );
    }
    // One scale for all channels of a depthwise convolution is too few.
    expect(of('4 bits, tensor', 'nearest')).toBeLessThan(of('4 bits, groups of 32', 'gptq') - 0.2);
    expect(of('8 bits, channel', 'nearest')).toBeGreaterThan(0.9);
    float.dispose();
  }, 7_200_000);
});
