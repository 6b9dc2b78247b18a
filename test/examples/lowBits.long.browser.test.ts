/** The tables of low bits: how many drawn lines models still read whose weights were quantized in different ways. */
import { describe, expect, test } from 'vitest';
import { openModelPeers } from '../../examples/bench/peers.ts';
import { assets } from '../../examples/data/assets.ts';
import { bytesAt } from '../../examples/data/fetchBytes.ts';
import { drawnSet } from '../../examples/ocr/drawnSet.ts';
import type { ModelRunner } from '../../src/cli/jobs/modelPeers.ts';
import { evaluateRunners, runnerOf } from '../../src/graph/evaluate.ts';
import { bitCurve, pointWithin } from '../../src/graph/explain/bitCurve.ts';
import { decibels } from '../../src/graph/explain/difference.ts';
import {
  chooseBits,
  type Engine,
  type EvaluationSet,
  type LabelledBatch,
  type LayerInputs,
  layersOf,
  loadOnnx,
  type Model,
  observeLayers,
  prepareWeights,
  type QuantizedModel,
  type QuantizeModelOptions,
  quantizeModel,
  type Share,
  type WeightOptions,
  type WeightStorage,
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

/** Widths of layers within the bytes that all layers would take at one width, and some more; rounded as a column says. */
interface ChosenRow {
  readonly widths: readonly number[];
  readonly storage: WeightStorage;
  readonly bits: number;
  readonly shareMore: readonly number[];
  readonly columns: readonly string[];
}

const chosenRows: readonly ChosenRow[] = [
  { widths: [8, 4], storage: 'onnx', bits: 4, shareMore: [0.1, 0.3], columns: ['nearest, corrected', 'gptq'] },
  { widths: [8, 6, 5, 4, 3, 2], storage: 'packed', bits: 3, shareMore: [0, 0.15], columns: ['gptq'] },
];

/** A model, what layers are given in it, lines to read, and the float model that reads them. */
async function material(engine: Engine, role: 'classifier' | 'recogniser', kind: 'ocr-directions' | 'ocr') {
  const bytes = await bytesAt(assets.ocr[role]);
  const model = await loadOnnx(engine, bytes);
  const keys = await bytesAt(assets.ocr.keys);
  const { batches: samples } = await held(drawnSet({ kind, samples: observed, seed: 77 }, 'x', keys));
  const { set, batches } = await held(drawnSet({ kind, samples: lines, seed: 1 }, 'x', keys));
  const started = performance.now();
  const inputs = samples.map((sample) => sample.inputs);
  const layerInputs: LayerInputs = await observeLayers(model, inputs, { positions: 512 });
  console.log(`${role}: layers observed in ${Math.round((performance.now() - started) / 1000)} s`);
  const { wasm } = await openModelPeers();
  const float = await remembering(await wasm({ bytes, externalData: {} }), batches);
  const few = { ...set, batches: batches.slice(0, compared) };
  /** The share of lines that a quantized model reads; it takes the model. */
  const read = async (title: string, { model: made, toOnnx }: QuantizedModel): Promise<number> => {
    using _ = made;
    const theirs = await wasm({ bytes: toOnnx(), externalData: {} });
    const { quantized: reading, difference } = await evaluateRunners({ float, quantized: theirs }, set);
    console.log(`${role}, ${title}: ${spelled(reading.correct)}, against float ${spelled(difference)}`);
    const { agreement } = await evaluateRunners({ float: theirs, quantized: runnerOf(made) }, few);
    expect(agreement.share, title).toBe(1);
    theirs.dispose();
    return reading.correct.share;
  };
  const optionsOf = (column: string, format: WeightOptions) => {
    const { weights, ...rest } = columns[column] ?? {};
    return { activations: 'float', layerInputs, ...rest, weights: { ...format, ...weights } } as const;
  };
  const dispose = (): void => {
    model.dispose();
    float.dispose();
  };
  return { model, inputs, read, optionsOf, [Symbol.dispose]: dispose };
}

const measured = isWhole ? tables : tables.slice(0, 1);
/** Rows that are checked, and so measured in any case. */
const checked = ['8 bits, channel', '4 bits, tensor', '4 bits, channel', '4 bits, groups of 32'];

describe.each(measured)('weights of the $role', ({ role, kind, rows }) => {
  test('are read best after careful rounding', async () => {
    using given = await material(await open(), role, kind);
    const { model, read, optionsOf } = given;
    const found = new Map<string, Map<string, number>>();
    for (const row of rows as readonly Row[]) {
      if (!isWhole && !checked.includes(row.title)) continue;
      const cells = new Map<string, number>();
      for (const column of row.columns) {
        const made = await quantized(model, optionsOf(column, row.weights));
        cells.set(column, await read(`${row.title}, ${column}`, made));
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
  }, 7_200_000);

  test('are read better with widths chosen for each layer', async () => {
    using given = await material(await open(), role, kind);
    const { model, inputs, read, optionsOf } = given;
    for (const { widths, storage, bits, shareMore, columns } of isWhole ? chosenRows : chosenRows.slice(0, 1)) {
      for (const column of columns) {
        const quantization = optionsOf(column, {});
        const started = performance.now();
        const options = { widths, storage, quantization, budgetBytes: Number.MAX_SAFE_INTEGER };
        const { layers } = await chooseBits(model, inputs.slice(0, 3), options);
        const seconds = Math.round((performance.now() - started) / 1000);
        const even = layers.flatMap((layer) => layer.widths.find((width) => width.bits === bits) ?? []);
        const bytes = even.reduce((sum, width) => sum + width.bytes, 0);
        const noise = even.reduce((sum, width) => sum + width.noise, 0);
        const title = `${bits} bits for all, ${column}`;
        console.log(`${role}, ${title}: ${bytes} bytes, ${decibels(noise).toFixed(1)} dB; ${seconds} s to measure`);
        const shares = [await read(title, await quantized(model, optionsOf(column, { bits })))];
        for (const more of shareMore) {
          const point = pointWithin(bitCurve(layers), bytes * (1 + more));
          const title = `${widths} bits within ${percent(more)} % more, ${column}`;
          console.log(
            `${role}, ${title}: ${point.bytes} bytes, ${point.sqnr.toFixed(1)} dB, ${JSON.stringify(point.bits)}`,
          );
          expect(point.bytes).toBeLessThanOrEqual(bytes * (1 + more));
          expect(point.sqnr).toBeGreaterThan(decibels(noise) - 0.5);
          shares.push(await read(title, await quantized(model, { ...quantization, layers: layersOf(point) })));
        }
        expect(shares.at(-1), `${shares}`).toBeGreaterThanOrEqual((shares[0] ?? 1) - 0.02);
      }
    }
  }, 7_200_000);
});
