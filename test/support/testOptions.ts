import type { ViteUserConfig } from 'vitest/config';
import { findBrowser, launchFlags, useSwiftShaderWithoutGpu } from '../../src/cli/browser.ts';
import { CountReporter } from './countReporter.ts';
import { puppeteerProvider } from './puppeteerProvider.ts';

const nodeOnly = 'test/**/*.node.test.ts';
const browserOnly = 'test/**/*.browser.test.ts';
const long = ['test/**/*.long.test.ts', 'test/**/*.long.*.test.ts'];

/**
 * The options of vitest: every `test/**\/*.test.ts` runs in Node on Dawn and in Chromium, save `*.node.test.ts` and
 * `*.browser.test.ts`, which run in one of them.
 *
 * @param withLong whether the `*.long.test.ts` run too
 */
export function testOptions(withLong: boolean): NonNullable<ViteUserConfig['test']> {
  useSwiftShaderWithoutGpu();
  const excluded = withLong ? [] : long;
  const common = { include: ['test/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false };
  const executablePath = findBrowser();
  return {
    reporters: ['default', new CountReporter()],
    projects: [
      {
        test: {
          ...common,
          name: 'node',
          pool: 'forks',
          isolate: false,
          fileParallelism: true,
          maxWorkers: 2,
          exclude: [browserOnly, ...excluded],
          setupFiles: ['test/support/setUp.node.ts'],
        },
      },
      {
        // What the tests import is bundled before the first one: found later, it would reload the page in mid-run.
        optimizeDeps: {
          include: [
            '@bufbuild/protobuf',
            '@bufbuild/protobuf/codegenv2',
            '@bufbuild/protobuf/wire',
            'density-clustering',
            'fast-check',
            'hyparquet',
            'hyparquet-writer',
            'ml-hclust',
            'ml-kmeans',
            'onnx-buf',
            'onnxruntime-web/wasm',
            'onnxruntime-web/webgpu',
            'wesl',
          ],
          exclude: ['webgpu', 'puppeteer'],
        },
        test: {
          ...common,
          name: 'chromium',
          exclude: [nodeOnly, ...excluded],
          browser: {
            enabled: true,
            isolate: false,
            headless: true,
            ui: false,
            screenshotFailures: false,
            provider: puppeteerProvider({
              args: launchFlags(),
              ...(executablePath === undefined ? {} : { executablePath }),
            }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
    ],
  };
}
