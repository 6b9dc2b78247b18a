import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChromePage, openChromePage } from '../../src/cli/chrome.ts';
import { modelBytes, node, value } from '../support/onnxBytes.ts';

let chrome: ChromePage;
const complaints: string[] = [];

beforeAll(async () => {
  chrome = await openChromePage({ page: 'bench/', onError: (message) => complaints.push(message) });
});
afterAll(() => chrome?.close());

async function fill(fields: Readonly<Record<string, number>>): Promise<void> {
  for (const [name, value] of Object.entries(fields)) {
    await chrome.page.locator(`input[name="${name}"]`).fill(String(value));
  }
}

function textOf(selector: string): Promise<string> {
  return chrome.page.$eval(selector, (found) => found.textContent ?? '');
}

async function untilStatus(expected: string): Promise<void> {
  await chrome.page.waitForFunction(
    (text) => document.querySelector('#status')?.textContent === text,
    { timeout: 30_000 },
    expected,
  );
}

/** The cells of the table of results, row by row. */
function tableRows(): Promise<string[][]> {
  return chrome.page.$$eval('tbody tr', (found) =>
    found.map((row) => [...row.children].map((cell) => cell.textContent ?? '')),
  );
}

describe('the benchmark page', () => {
  test('names the adapter', async () => {
    await chrome.page.waitForFunction(() => document.querySelector('#adapter')?.textContent?.startsWith('Runs on'));
    expect(await textOf('#adapter')).toMatch(/^Runs on \S+/);
  });

  test('multiplies, by keyboard, and shows a table and bars', async () => {
    await fill({ m: 20, n: 17, k: 33, runs: 2 });
    await chrome.page.keyboard.press('Enter');
    await untilStatus('Done.');
    const rows = await tableRows();
    expect(rows.map(([name]) => name)).toEqual(['matmul int8', 'matmul f32']);
    for (const [, gops, milliseconds, , checkedRows] of rows) {
      expect(Number(gops)).toBeGreaterThan(0);
      expect(milliseconds).toMatch(/^[\d.,]+ \([\d.,]+–[\d.,]+\)$/);
      expect(checkedRows).toBe('20 of 20');
    }
    expect(await textOf('#summary')).toContain('x [20 × 33] · w [33 × 17], median of 2 runs.');
    const shares = await chrome.page.$$eval('.bar', (bars) => bars.map((bar) => bar.getBoundingClientRect().width));
    const [first = 0, second = 0] = rows.map(([, gops]) => Number(gops));
    // The figures are rounded to four digits, the widths to parts of a pixel.
    expect((shares[0] ?? 0) / (shares[1] ?? 0)).toBeCloseTo(first / second, 1);
  });

  test('clusters', async () => {
    await chrome.page.click('input[value="kmeans"]');
    await fill({ points: 500, dimensions: 3, clusters: 4, iterations: 2 });
    await chrome.page.click('#run');
    await chrome.page.waitForFunction(() => document.querySelector('tbody th')?.textContent === 'k-means f32');
    await untilStatus('Done.');
    expect((await tableRows())[0]?.at(-1)).toBe('2');
  });

  test('shows an error, and works on after it', async () => {
    await fill({ points: 3 });
    await chrome.page.click('#run');
    await chrome.page.waitForFunction(() => !document.querySelector<HTMLElement>('#error')?.hidden);
    expect(await textOf('#error')).toContain('4 clusters of 3 points');
    await fill({ points: 400 });
    await chrome.page.click('#run');
    await untilStatus('Done.');
    expect(await chrome.page.$eval('#error', (box) => (box as HTMLElement).hidden)).toBe(true);
  });

  test('times a model that is chosen or dropped', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cuanta-page-'));
    const file = join(folder, 'relu.onnx');
    const y = modelBytes({
      input: [value('x', ['n', 3])],
      output: [value('y', ['n', 3])],
      node: [node('Relu', ['x'], ['y'])],
    });
    writeFileSync(file, y);
    await chrome.page.click('#choose-model');
    const input = await chrome.page.$('input#model-file');
    await input?.uploadFile(file);
    await chrome.page.locator('#shapes input').fill('2,3');
    await fill({ runs: 2 });
    await chrome.page.click('#run');
    await chrome.page.waitForFunction(() => document.querySelector('tbody th')?.textContent === 'Cuanta, float');
    await untilStatus('Done.');
    expect(await textOf('#summary')).toContain('x float32[2,3], median of 2 runs.');
    expect(await textOf('#unit')).toBe('Runs a second: longer is faster');

    rmSync(folder, { recursive: true });

    // A file that is no model says so on its field.
    const complaint = await chrome.page.evaluate(async () => {
      const data = new DataTransfer();
      data.items.add(new File(['no model'], 'broken.onnx'));
      document.querySelector('#form')?.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true }));
      const field = document.querySelector<HTMLInputElement>('#model-file');
      while (!field?.validationMessage) await new Promise((resolve) => setTimeout(resolve, 10));
      return field.validationMessage;
    });
    expect(complaint).toMatch(/no ONNX model, or damaged|holds no graph/);
    await chrome.page.click('input[value="kmeans"]');
  });

  test('stops on request', async () => {
    await fill({ points: 50_000, iterations: 300, runs: 100 });
    await chrome.page.click('#run');
    await chrome.page.locator('#stop').click();
    await untilStatus('Stopped.');
  });

  test('fits a phone', async () => {
    await chrome.page.setViewport({ width: 390, height: 844 });
    expect(await chrome.page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  });

  test('complains of nothing', () => {
    expect(complaints).toEqual([]);
  });
});
