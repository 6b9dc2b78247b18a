import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChromePage, openChromePage } from '../../src/cli/chrome.ts';

const errors: string[] = [];
let chrome: ChromePage;

beforeAll(async () => {
  chrome = await openChromePage({
    page: 'demo/?cities=5000&clusters=8&seed=3',
    onError: (message) => errors.push(message),
  });
});

afterAll(() => chrome?.close());

/** The text of an element. */
function textOf(selector: string): Promise<string> {
  return chrome.page.$eval(selector, (found) => found.textContent?.trim() ?? '');
}

/** Waits for the text of an element to match. */
function waitForText(selector: string, pattern: RegExp): Promise<unknown> {
  return chrome.page.waitForFunction(
    (where, source) => new RegExp(source).test(document.querySelector(where)?.textContent ?? ''),
    { timeout: 30_000 },
    selector,
    pattern.source,
  );
}

/** How many colours that are neither dark nor grey the globe shows, in steps of 32. */
async function vividColours(): Promise<number> {
  const canvas = await chrome.page.$('#globe');
  const picture = decode((await canvas?.screenshot()) ?? new Uint8Array());
  const seen = new Set<number>();
  for (let pixel = 0; pixel < picture.width * picture.height; pixel++) {
    const [red = 0, green = 0, blue = 0] = picture.data.slice(pixel * picture.channels, pixel * picture.channels + 3);
    const isVivid = Math.max(red, green, blue) > 140 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60;
    if (isVivid) seen.add((red >> 5) * 64 + (green >> 5) * 8 + (blue >> 5));
  }
  return seen.size;
}

describe('the demonstration page', () => {
  test('clusters the cities and colours the globe', async () => {
    await waitForText('#cluster-status', /5,000 cities, not clustered yet/);
    // The glow around the globe.
    const before = await vividColours();
    await chrome.page.click('#run');
    await waitForText('#cluster-status', /^Done: converged after \d+ iterations/);
    expect(await textOf('#cluster-figures')).toMatch(/Inertia\s*\d+\.\d+/);
    await expect.poll(vividColours, { timeout: 5_000 }).toBeGreaterThan(before + 8);
  });

  test('steps one iteration at a time', async () => {
    await chrome.page.click('#reset');
    await chrome.page.click('#step');
    await waitForText('#cluster-status', /^Iteration 1:/);
    await chrome.page.click('#step');
    await waitForText('#cluster-status', /^Iteration 2:/);
    expect(await textOf('#run')).toBe('Resume');
    await chrome.page.click('#reset');
    await waitForText('#cluster-status', /not clustered yet/);
  });

  test('searches by float32 and int8', async () => {
    await waitForText('#search-status', /^\d+ of the 10 nearest/);
    await chrome.page.$eval('#title', (input) => {
      (input as HTMLInputElement).value = 'annotation';
    });
    await chrome.page.click('#search');
    await waitForText('#results caption', /[Aa]nnotation/);
    const rows = await chrome.page.$$eval('#results tbody tr', (found) => found.map((row) => row.textContent ?? ''));
    expect(rows.length).toBeGreaterThanOrEqual(10);
    expect(rows[0]).toMatch(/^1\. .+0\.\d{4}0\.\d{4}/);
    expect(await textOf('#compared')).toBe('int8');
  });

  test('shows how each format compares with float64', async () => {
    await chrome.page.waitForSelector('#formats:not([hidden])', { timeout: 30_000 });
    const recalls = await chrome.page.$$eval('#formats tbody tr td:nth-child(2)', (cells) =>
      cells.map((cell) => Number.parseFloat(cell.textContent ?? '')),
    );
    const [float32 = 0, int8 = 0, int4 = 0] = recalls;
    expect(float32).toBeGreaterThan(99.9);
    expect(int8).toBeGreaterThan(97);
    expect(int4).toBeGreaterThan(75);
  });

  test('turns by the keyboard', async () => {
    const before = await chrome.page.$eval('#globe', (canvas) => (canvas as HTMLCanvasElement).toDataURL());
    await chrome.page.focus('#globe');
    await chrome.page.keyboard.press('ArrowRight');
    await expect
      .poll(() => chrome.page.$eval('#globe', (canvas) => (canvas as HTMLCanvasElement).toDataURL()))
      .not.toBe(before);
  });

  test('reports nothing wrong', async () => {
    expect(await chrome.page.$eval('#alert', (alert) => (alert as HTMLElement).hidden)).toBe(true);
    expect(errors).toEqual([]);
  });
});
