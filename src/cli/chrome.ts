/** One of the built pages, open in headless Chrome. Node only; puppeteer is loaded when it is first needed. */
import type { Browser, Page, Viewport } from 'puppeteer';
import { DeviceLost, InvalidInput, UnsupportedAdapter } from '../base/errors.ts';
import { findBrowser, launchFlags } from './browser.ts';
import { pagesFolder } from './checkout.ts';
import { openLocalServer } from './localServer.ts';

/** Which page to open, and with what. */
export interface ChromePageOptions {
  /** The page below `dist/pages`, with its query: `bench/`, `demo/?cities=5000`. */
  readonly page: string;
  /** Bytes that the page can fetch from `inputs/<name>` below the root; none unless given. */
  readonly inputs?: Readonly<Record<string, Uint8Array>>;
  /** Paths of files that the page can fetch from there too; none unless given. */
  readonly sources?: Readonly<Record<string, string>>;
  /** Size of the window in CSS pixels; 1280 × 800 unless given. */
  readonly viewport?: Viewport;
  /** Called with each uncaught error and each `console.error` of the page. */
  readonly onError?: (message: string) => void;
}

/** A page in a browser of its own, served from this process. */
export interface ChromePage {
  readonly browser: Browser;
  readonly page: Page;
  /** Root of the server that the page came from, with a slash at the end. */
  readonly url: string;
  /** What the page has sent with `PUT outputs/<name>` below the root. */
  readonly outputs: ReadonlyMap<string, Uint8Array>;
  /** Rejects when the page or the browser dies; otherwise stays pending. */
  readonly crashed: Promise<never>;
  /** Closes the browser and the server. */
  close(): Promise<void>;
}

/**
 * Opens one of the built pages in a new headless Chrome or Chromium, with WebGPU on (SwiftShader where there is no GPU).
 *
 * @throws UnsupportedAdapter when there is no browser, or puppeteer is not installed
 * @throws InvalidInput when the pages are not built
 */
export async function openChromePage(options: ChromePageOptions): Promise<ChromePage> {
  const server = await openLocalServer({
    folder: pagesFolder(),
    ...(options.inputs && { inputs: options.inputs }),
    ...(options.sources && { sources: options.sources }),
  });
  let browser: Browser | undefined;
  const close = async () => {
    // The browser first: its open connections would keep the server.
    await browser?.close();
    await server.close();
  };
  try {
    browser = await launch(options.viewport ?? { width: 1280, height: 800 });
    const [page = await browser.newPage()] = await browser.pages();
    const { onError } = options;
    if (onError) {
      page.on('pageerror', (error) => onError(error instanceof Error ? error.message : String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error') onError(message.text());
      });
    }
    const crashed = watch(browser, page);
    const response = await page.goto(server.url + options.page, { timeout: 60_000 });
    if (!response?.ok()) {
      throw new InvalidInput(
        `The page ${options.page} answered with status ${response?.status()}; it is not among the built pages. Run "npm run build" in the checkout.`,
      );
    }
    return { browser, page, url: server.url, outputs: server.outputs, crashed, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function launch(defaultViewport: Viewport): Promise<Browser> {
  const executablePath = findBrowser();
  if (executablePath === undefined) {
    throw new UnsupportedAdapter(
      'No Chrome or Chromium was found. Install one (Debian: apt-get install chromium; elsewhere: https://www.google.com/chrome/) or set CHROME_PATH to its executable; on the command line, --runtime dawn needs none.',
    );
  }
  const { default: puppeteer } = await import('puppeteer').catch((cause: unknown) => {
    throw new UnsupportedAdapter(
      'The package "puppeteer", which drives Chrome, could not be loaded. Run "npm install puppeteer"; on the command line, --runtime dawn needs none.',
      { cause },
    );
  });
  try {
    return await puppeteer.launch({
      executablePath,
      // Timestamps of kernels are otherwise rounded to 65.5 µs.
      args: [...launchFlags(), '--enable-webgpu-developer-features'],
      defaultViewport,
      // A job may run for longer than any limit set here.
      protocolTimeout: 0,
    });
  } catch (cause) {
    throw new UnsupportedAdapter(
      `${executablePath} could not be started: ${cause instanceof Error ? cause.message : cause}. Set CHROME_PATH to a Chrome or Chromium that runs here; on the command line, --runtime dawn needs none.`,
      { cause },
    );
  }
}

/** A promise that rejects when the page or its browser dies. */
function watch(browser: Browser, page: Page): Promise<never> {
  const crashed = new Promise<never>((_resolve, reject) => {
    const fail = (what: string) =>
      reject(
        new DeviceLost(`${what} in the middle of the work; it may have run out of memory. Try a smaller problem.`),
      );
    page.once('error', () => fail('The page in Chrome crashed'));
    browser.once('disconnected', () => fail('Chrome ended'));
  });
  // It also rejects when the browser is closed on purpose, with nobody waiting any more.
  crashed.catch(() => undefined);
  return crashed;
}
