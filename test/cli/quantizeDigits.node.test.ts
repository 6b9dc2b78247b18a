import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InvalidInput } from '../../src/base/errors.ts';
import type { Command } from '../../src/cli/command.ts';
import { evaluateCommand } from '../../src/cli/evaluate.ts';
import type { EvaluateModelReport } from '../../src/cli/jobs/evaluateModel.ts';
import type { QuantizeModelReport } from '../../src/cli/jobs/quantizeModel.ts';
import { quantizeCommand } from '../../src/cli/quantize.ts';
import { UsageError } from '../../src/cli/usage.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { importOnnx } from '../../src/onnx/import.ts';
import { tensorToNpy } from '../../src/onnx/npy.ts';
import { digits, digitsFile, nearestMean } from '../support/digits.ts';

const folder = mkdtempSync(join(tmpdir(), 'cuanta-digits-'));
const at = (name: string): string => join(folder, name);
/** Rows that models are calibrated with. */
const count = 60;
const rows = Array.from({ length: count }, (_, row) => [...digits.data.subarray(65 * row, 65 * row + 65)]);
const pixels = rows.flatMap((row) => row.slice(0, 64));

beforeAll(() => {
  writeFileSync(
    at('float.onnx'),
    nearestMean((weight) => weight),
  );
  writeFileSync(at('few.csv'), rows.map((row) => row.join(',')).join('\n'));
  const images = [0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 8, 0, 0, 0, 8, ...pixels];
  writeFileSync(at('few-idx3-ubyte.gz'), gzipSync(Uint8Array.from(images)));
  writeFileSync(at('few.npy'), tensorToNpy(hostTensor('float32', [count, 1, 8, 8], pixels)));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command in this process. */
async function run<Report>(command: Command, options: Readonly<Record<string, unknown>>): Promise<Report> {
  let found: Report | undefined;
  const silent = () => undefined;
  const result = (report: unknown) => {
    // The report of that command.
    found = report as Report;
  };
  const reporter = { progress: silent, notice: silent, error: silent, result };
  await command.run([at('float.onnx')], { runtime: 'dawn', ...options }, reporter);
  if (!found) throw new Error('The command gave no result.');
  return found;
}

const quantize = (options: Readonly<Record<string, unknown>>) =>
  run<QuantizeModelReport>(quantizeCommand, { saveEvery: 16, reportSamples: 4, output: at('made.onnx'), ...options });

/** How ONNX Runtime reads all digits with the float model and the one that was made. */
const evaluate = () =>
  run<EvaluateModelReport>(evaluateCommand, {
    quantized: at('made.onnx'),
    set: digitsFile,
    divideBy: 16,
    batch: 600,
    top: 2,
    wasm: 600,
  });

const made = () => importOnnx(new Uint8Array(readFileSync(at('made.onnx'))));

describe('samples to calibrate with', () => {
  test('are those of evaluate: tables with labels, IDX and npy, compressed or not', async () => {
    const read = async (calibration: string, divideBy: number | undefined) => {
      const report = await quantize({ calibration: at(calibration), ...(divideBy !== undefined && { divideBy }) });
      expect(report.batches).toBe(count);
      return readFileSync(at('made.onnx'));
    };
    const table = await read('few.csv', 16);
    expect(made().initializers.get('x_scale')?.data[0]).toBe(Math.fround(1 / 255));
    for (const file of ['few-idx3-ubyte.gz', 'few.npy']) expect((await read(file, 16)).equals(table)).toBe(true);
    expect((await read('few.npy', undefined)).equals(table)).toBe(false);
  });

  test('are refused where that would be without effect', async () => {
    await expect(quantize({ calibration: at('few.txt') })).rejects.toThrow(InvalidInput);
    await expect(quantize({ calibration: at('few.csv'), divideBy: 0 })).rejects.toThrow(/--divide-by is 0/);
    await expect(quantize({ weightsOnly: true, divideBy: 16 })).rejects.toThrow(UsageError);
  });
});

describe('ONNX Runtime reads the digits with a model', () => {
  const calibrated = { calibration: at('few.csv'), divideBy: 16, weightsOnly: true };

  /** Of 1,797 digits the float model reads 1,626, and the other one as many but for so many. */
  async function expectReads(fewer: number): Promise<void> {
    const { float, quantized, compared } = await evaluate();
    expect(compared).toEqual({ samples: 600, float: 600, quantized: 600 });
    expect(Math.abs(float.correct.count - quantized.correct.count)).toBeLessThanOrEqual(fewer);
  }

  test.each(['codebook', 'nf4'])('of weights from a table of 16 numbers: %s', async (quantizer) => {
    const { bytes } = await quantize({ quantizer, weightBits: 4, weightsOnly: true });
    const { initializers } = made();
    expect(initializers.get('w_quantized')).toMatchObject({ elementType: 'uint4', shape: [64, 10] });
    const table = [...(initializers.get('w_codebook')?.data ?? [])];
    expect(table).toHaveLength(16);
    expect(new Set(table).size).toBe(16);
    // That of k-means follows the weights, the other does not.
    expect(quantizer === 'nf4').toBe(table.includes(0) && table.includes(1) && table.includes(-1));
    expect(bytes.quantized).toBe(readFileSync(at('made.onnx')).length);
    expect(bytes.quantized).toBeLessThan(bytes.float / 3);
    await expectReads(30);
  });

  test('of weights of 3 bits rounded by what layers give: AdaRound', async () => {
    const [w] = [...importOnnx(nearestMean((weight) => weight)).initializers.values()];
    /** The squared error of the layer on the samples. */
    const errorOf = async (rounding: string): Promise<number> => {
      await quantize({ ...calibrated, rounding, weightBits: 3 });
      const { initializers } = made();
      const codes = initializers.get('w_quantized')?.data ?? [];
      // Means of pixels are 0 or more.
      expect([...new Set(codes)].sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
      const scales = initializers.get('w_scale')?.data ?? [];
      const off = Array.from(codes, (code, index) => code * (scales[index % 10] ?? 0) - (w?.data[index] ?? 0));
      return rows.reduce((sum, row) => {
        const sums = Array.from({ length: 10 }, (_, digit) =>
          off.reduce(
            (part, each, index) => (index % 10 === digit ? part + each * (row[(index - digit) / 10] ?? 0) : part),
            0,
          ),
        );
        return sum + sums.reduce((squares, each) => squares + each ** 2, 0);
      }, 0);
    };
    const nearest = await errorOf('nearest');
    expect(await errorOf('adaround')).toBeLessThan(nearest / 2);
    await expectReads(60);
  });

  test('with the layers in float that there is time for', async () => {
    const page = at('report.html');
    const report = await quantize({ ...calibrated, weightsOnly: false, budgetMilliseconds: 1000, report: page });
    expect(Object.values(report.bits?.bits ?? {})).toEqual(['float']);
    expect(report.bits?.milliseconds?.predicted).toBeLessThanOrEqual(1000);
    expect([...made().initializers.keys()]).toEqual(['w', 'b']);
    expect(readFileSync(page, 'utf8')).toMatch(/of 1,000 ms expected of a run/);
    await expectReads(0);
  });
});
