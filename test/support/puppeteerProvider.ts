import { defineBrowserProvider } from '@vitest/browser';
import puppeteer, { type Browser, type LaunchOptions, type Page } from 'puppeteer';
import type { BrowserProvider, BrowserProviderOption, TestProject } from 'vitest/node';

/** Runs vitest's browser tests in one Chrome or Chromium launched by puppeteer, one page a session. */
class PuppeteerProvider implements BrowserProvider {
  readonly name = 'puppeteer';
  readonly supportsParallelism = false;
  readonly #project: TestProject;
  readonly #options: LaunchOptions;
  readonly #pages = new Map<string, Page>();
  #browser: Promise<Browser> | undefined;

  constructor(project: TestProject, options: LaunchOptions) {
    this.#project = project;
    this.#options = options;
  }

  getCommandsContext(sessionId: string): Record<string, unknown> {
    return { page: this.#pages.get(sessionId) };
  }

  async openPage(sessionId: string, url: string): Promise<void> {
    this.#browser ??= puppeteer.launch({ headless: this.#project.config.browser.headless, ...this.#options });
    const browser = await this.#browser;
    await this.#pages.get(sessionId)?.close();
    const page = await browser.newPage();
    this.#pages.set(sessionId, page);
    // The page loads for as long as its tests are being transformed: vitest has its own limit.
    await page.goto(url, { timeout: 0 });
  }

  async close(): Promise<void> {
    const browser = await this.#browser?.catch(() => undefined);
    this.#browser = undefined;
    this.#pages.clear();
    await browser?.close();
  }
}

/**
 * A vitest browser provider over puppeteer.
 *
 * @param options puppeteer's launch options: the executable and its flags
 */
export function puppeteerProvider(options: LaunchOptions): BrowserProviderOption {
  return defineBrowserProvider<LaunchOptions>({
    name: 'puppeteer',
    supportedBrowser: ['chromium'],
    options,
    providerFactory: (project) => new PuppeteerProvider(project, options),
  });
}
