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

  test('says what the row asked for is', async () => {
    await chrome.page.type('#row', '17');
    await waitForText('#picked', /^Row 17: x -?[\d.]+, y -?[\d.]+; cluster [012]\.$/);
  });

  test('loads a table, picks the point that is pressed, and names what is wrong with another table', async () => {
    await upload('table.csv', 'width,height\n0,0\n4,4\n2,2\n0,4\n4,0\n');
    await waitForText('#data-status', /^table\.csv: 5 points of 2 columns\.$/);
    // In the middle of the plot, where a click goes.
    await chrome.page.click('.stage canvas');
    await waitForText('#picked', /^Row 2: width 2, height 2; no cluster\.$/);
    expect(await chrome.page.$eval('#row', (input) => (input as HTMLInputElement).value)).toBe('2');
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
