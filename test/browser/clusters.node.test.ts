import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ElementHandle } from 'puppeteer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChromePage, openChromePage } from '../../src/cli/chrome.ts';

const errors: string[] = [];
const folder = mkdtempSync(join(tmpdir(), 'cuanta-clusters-'));
let chrome: ChromePage;

beforeAll(async () => {
  chrome = await openChromePage({
    page: 'clusters/?source=blobs&count=600&groups=3&clusters=3&seed=5',
    viewport: { width: 1000, height: 700 },
    onError: (message) => errors.push(message),
  });
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await chrome?.close();
});

function textOf(selector: string): Promise<string> {
  return chrome.page.$eval(selector, (found) => found.textContent?.trim() ?? '');
}

function waitForText(selector: string, pattern: RegExp): Promise<unknown> {
  return chrome.page.waitForFunction(
    (where, source) => new RegExp(source).test(document.querySelector(where)?.textContent ?? ''),
    { timeout: 30_000 },
    selector,
    pattern.source,
  );
}

async function upload(name: string, content: string): Promise<void> {
  const path = join(folder, name);
  writeFileSync(path, content);
  const input = (await chrome.page.$('#file')) as ElementHandle<HTMLInputElement> | null;
  await input?.uploadFile(path);
}

describe('the page that clusters', () => {
  test('steps through k-means, and goes on to the end', async () => {
    await waitForText('#data-status', /^Blobs: 600 points of 2 columns\.$/);
    await chrome.page.click('#step');
    await waitForText('.pane-status', /^Iteration 1: 600 of 600 points changed cluster$/);
    expect(await textOf('#run')).toBe('Resume');
    await chrome.page.click('#run');
    await waitForText('.pane-status', /^Converged after \d+ iterations\.$/);
    await waitForText('.figures', /Rand, as made/);
    expect(await textOf('.figures')).toMatch(/Inertia[\d.,]+.*Silhouette0\.\d+.*Rand, as made(0\.9|1\.0)/);
  });

  test('picks the point in front of the pointer, and says its cluster', async () => {
    const stage = await chrome.page.$eval('.stage canvas', (canvas) => {
      canvas.scrollIntoView({ block: 'center' });
      const { left, top, width, height } = canvas.getBoundingClientRect();
      return { left, top, width, height };
    });
    await chrome.page.type('#row', '17');
    await waitForText('#picked', /^Row 17: x -?[\d.]+, y -?[\d.]+; cluster [012]\.$/);
    expect(stage.width).toBeGreaterThan(300);
    const pressed: string[] = [];
    for (let down = 0.1; down < 1 && pressed.length === 0; down += 0.02) {
      await chrome.page.mouse.click(stage.left + stage.width / 2, stage.top + stage.height * down);
      const text = await textOf('#picked');
      if (/^Row (?!17:)/.test(text)) pressed.push(text);
    }
    expect(pressed[0]).toMatch(/^Row \d+: x /);
  });

  test('loads a table and names what is wrong with another', async () => {
    await upload('table.csv', 'width,height,age\n1,2,3\n2,3,5\n8,9,1\n9,8,2\n');
    await waitForText('#data-status', /^table\.csv: 4 points of 3 columns\.$/);
    expect(await chrome.page.$eval('#axis-z', (menu) => (menu as HTMLSelectElement).value)).toBe('2');
    await upload('broken.csv', 'width,height\n1,2\n1\n');
    await chrome.page.waitForSelector('#alert:not([hidden])');
    expect(await textOf('#alert')).toMatch(/^“broken\.csv”: /);
  });

  test('fits a phone, and complains of nothing', async () => {
    await chrome.page.setViewport({ width: 390, height: 844 });
    expect(await chrome.page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    expect(errors).toEqual([]);
  });
});
