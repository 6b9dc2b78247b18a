import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { InvalidInput } from '../../src/base/errors.ts';
import type { Command } from '../../src/cli/command.ts';
import { inspectCommand } from '../../src/cli/inspect.ts';
import { quantizationPage } from '../../src/cli/quantizationPage.ts';
import { quantizeCommand } from '../../src/cli/quantize.ts';
import { UsageError } from '../../src/cli/usage.ts';
import type { QuantizationReport } from '../../src/graph/explain/explain.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { toOnnx } from '../../src/onnx/export.ts';
import { importOnnx } from '../../src/onnx/import.ts';
import { loadOnnx } from '../../src/onnx/load.ts';
import { tensorToNpy } from '../../src/onnx/npy.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const random = createRandom(12);
const size = 16;
let folder: string;
const at = (name: string) => join(folder, name);

/** Three products, of which the second has weights that 4 bits do not hold. One name is not safe in HTML. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cuanta-report-'));
  const names = ['first', '<b>"second"</b> & last', 'third'];
  const weights = names.map((_, layer) => {
    const values = random.uniformArray(size * size, -1, 1);
    if (layer === 1) values.fill(16, 0, size);
    return hostTensor('float32', [size, size], values);
  });
  const nodes = names.map((name, layer) => {
    const inputs = [layer === 0 ? 'x' : `h${layer - 1}`, `w${layer}`];
    return { name, domain: '', operator: 'MatMul', inputs, outputs: [`h${layer}`], attributes: new Map() };
  });
  const graph = {
    name: 'graph',
    inputs: [{ name: 'x', elementType: 'float32' as const, dimensions: ['n', size] }],
    outputs: [{ name: 'h2', elementType: undefined, dimensions: undefined }],
    nodes,
    initializers: new Map(weights.map((tensor, layer) => [`w${layer}`, tensor])),
    opsets: new Map([['', 13]]),
  };
  writeFileSync(at('model.onnx'), toOnnx(graph));
  writeFileSync(at('samples.npy'), tensorToNpy(hostTensor('float32', [3, size], random.uniformArray(3 * size, -1, 1))));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Printed {
  readonly document: {
    readonly explanation?: QuantizationReport;
    readonly sensitivity?: QuantizationReport;
    readonly bits?: { readonly bits: Readonly<Record<string, number>>; readonly bytes: number };
  };
  readonly text: string;
}

async function run(
  command: Command,
  options: Readonly<Record<string, unknown>>,
  progress: (phase: string) => unknown = () => undefined,
): Promise<Printed> {
  let printed: Printed = { document: {}, text: '' };
  const silent = () => undefined;
  const result = (document: unknown, text: () => string) => {
    printed = { document: document as Printed['document'], text: text() };
  };
  await command.run(
    [at('model.onnx')],
    { runtime: 'dawn', ...options },
    { progress: (phase) => void progress(phase), notice: silent, error: silent, result },
  );
  return printed;
}

const quantize = (options: Readonly<Record<string, unknown>>, progress?: (phase: string) => unknown) => {
  const defaults = {
    saveEvery: 16,
    reportSamples: 2,
    calibration: at('samples.npy'),
    output: at('made.onnx'),
  };
  return run(quantizeCommand, { ...defaults, ...options }, progress);
};

test('quantize --report --budget-bytes: bits for each layer, and a page that says what it cost', async () => {
  const { document, text } = await quantize({
    report: at('report.html'),
    budgetBytes: 3 * (size * size + 5 * size) - 1,
  });
  const { explanation, bits } = document;
  expect(explanation?.samples).toBe(2);
  expect(explanation?.layers).toHaveLength(3);
  expect(bits?.bits).toMatchObject({ '<b>"second"</b> & last': 8 });
  expect(Object.values(bits?.bits ?? {}).filter((width) => width === 4)).not.toHaveLength(0);
  expect(text).toMatch(/bytes of weights: [12] of 3 layers below 8 bits\nsignal to noise \d+\.\d dB; hurting most: /);
  const { initializers } = importOnnx(new Uint8Array(readFileSync(at('made.onnx'))));
  const types = [...initializers.values()].filter(({ shape }) => shape.join() === `${size},${size}`);
  expect(new Set(types.map(({ elementType }) => elementType))).toEqual(new Set(['int4', 'int8']));
  const page = readFileSync(at('report.html'), 'utf8');
  expect(page).toBe(explanation && quantizationPage(explanation, 'model.onnx'));
});

test('the page is whole by itself, and says nothing that names make it say', async () => {
  const page = readFileSync(at('report.html'), 'utf8');
  expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
  expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  expect(page).not.toMatch(/<(script|link|img|iframe|object)|https?:|url\(|@import/i);
  expect(page).not.toContain('<b>');
  expect(page).toContain('&lt;b&gt;&quot;second&quot;&lt;/b&gt; &amp; last');
  expect(page.match(/<svg /g)?.length).toBe(4);
  expect(page.match(/<svg [^>]*role="img" aria-label="[^"]+"/g)?.length).toBe(4);
  expect(page).not.toMatch(/NaN|Infinity|undefined|null/);
  for (const heading of ['Layers that hurt most', 'Bits of layers', 'Values and their clip lines', 'estimate']) {
    expect(page).toContain(heading);
  }
});

test('safetensors weights are packed, so that any width may be chosen', async () => {
  const { document } = await quantize({ format: 'safetensors', output: at('made.safetensors'), budgetBytes: 700 });
  expect(document.bits?.bytes).toBeLessThanOrEqual(700);
  expect(Object.values(document.bits?.bits ?? {}).some((width) => ![4, 8].includes(width))).toBe(true);
});

test.each([
  { kind: { rounding: 'adaround', exclude: ['first', 'third'] }, layers: 1 },
  { kind: { rounding: 'gptq', correctBias: true, weightsOnly: true }, layers: 3 },
])('widths are chosen for weights quantized as they will be: $kind', async ({ kind, layers }) => {
  const budgetBytes = layers * ((size * size) / 2 + 5 * size) + (size * size) / 2;
  const phases: string[] = [];
  const { document, text } = await quantize({ ...kind, budgetBytes }, (phase) => phases.push(phase));
  const { bits, bytes } = document.bits ?? { bits: {}, bytes: 0 };
  expect(Object.values(bits)).toContain(8);
  expect(Object.values(bits)).toHaveLength(layers);
  expect(bytes).toBeLessThanOrEqual(budgetBytes);
  expect(text).toMatch(new RegExp(`bytes of weights: [0-2] of ${layers} layers below 8 bits`));
  expect(document.bits).not.toHaveProperty('prepared');
  expect(phases).toContain(`choosing bits: rounded ${2 * layers} of ${2 * layers} layers`);
  expect(phases).toContain(`prepared ${layers} of ${layers} layers`);
  using model = await loadOnnx(await open(), new Uint8Array(readFileSync(at('made.onnx'))));
  const x = hostTensor('float32', [1, size], random.uniformArray(size, -1, 1));
  const [output] = model.run({ x }).values();
  expect((await output?.read())?.data.every(Number.isFinite)).toBe(true);
});

test('a budget below the narrowest widths is refused, and so is a page over the model', async () => {
  await expect(quantize({ budgetBytes: 10 })).rejects.toThrow(InvalidInput);
  await expect(quantize({ report: at('model.onnx') })).rejects.toThrow(InvalidInput);
  await expect(quantize({ budgetBytes: 'much' })).rejects.toThrow(UsageError);
});

test('inspect --sensitivity lists the layers that hurt most first', async () => {
  const options = { sensitivity: true, calibration: at('samples.npy'), samples: 1 };
  const { document, text } = await run(inspectCommand, options);
  const layers = document.sensitivity?.layers ?? [];
  const ratios = layers.map(({ sensitivity }) => sensitivity?.onlyThis ?? 0);
  expect(ratios).toHaveLength(3);
  expect(ratios).toEqual([...ratios].sort((left, right) => left - right));
  expect(document.sensitivity?.samples).toBe(1);
  const table = text.slice(text.lastIndexOf('layer ')).split('\n').slice(2);
  expect(table.map((line) => line.split(/ +MatMul /)[0])).toEqual(layers.map(({ node }) => node));
  await expect(run(inspectCommand, { sensitivity: true, samples: 1 })).rejects.toThrow(/--sensitivity needs samples/);
  expect((await run(inspectCommand, {})).document).not.toHaveProperty('sensitivity');
});
