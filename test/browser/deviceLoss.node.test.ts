import { expect, test } from 'vitest';
import { openChromePage } from '../../src/cli/chrome.ts';
import type { PageRequest } from '../../src/cli/pageRuntime.ts';
import { writeNpy } from '../../src/io/npy.ts';

test('a crash of the GPU process in mid-run is reported as DeviceLost, and nothing hangs', async () => {
  const rowCount = 50_000;
  const data = Float32Array.from({ length: rowCount * 4 }, (_, index) => (index * 7919) % 10_007);
  const points = writeNpy({ shape: [rowCount, 4], data });
  const { browser, page, url, close } = await openChromePage({ page: 'runtime.html', inputs: { points } });
  try {
    await page.waitForFunction(() => globalThis.cuantaPage !== undefined);
    const running = new Promise<void>((resolve, reject) => {
      page.exposeFunction('cuantaTell', (kind: string) => kind === 'progress' && resolve()).catch(reject);
    });
    await page.waitForFunction(() => globalThis.cuantaTell !== undefined);
    const request: PageRequest = {
      job: 'clusterKmeans',
      // Far more rounds than are done before the crash.
      parameters: JSON.stringify({
        clusters: 256,
        init: 'random',
        tolerance: 0,
        maximumIterations: 5000,
        seed: 1,
        files: [],
      }),
      root: url,
      inputs: ['points'],
      sources: [],
    };
    const answer = page.evaluate((asked) => globalThis.cuantaPage?.run(asked), request);
    await running;
    const session = await browser.target().createCDPSession();
    // The command itself may never be answered.
    session.send('Browser.crashGpuProcess').catch(() => undefined);
    expect(await answer).toMatchObject({ error: { code: 'DeviceLost' } });
  } finally {
    await close();
  }
});
