import { existsSync } from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { InvalidInput } from '../../src/base/errors.ts';
import { adapterKind, findBrowser, launchFlags, useSwiftShaderWithoutGpu } from '../../src/cli/browser.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('findBrowser', () => {
  test('finds one that exists', () => {
    expect(existsSync(findBrowser() ?? '')).toBe(true);
  });

  test('prefers CHROME_PATH', () => {
    vi.stubEnv('CHROME_PATH', process.execPath);
    expect(findBrowser()).toBe(process.execPath);
  });

  test('does not go on past a wrong CHROME_PATH', () => {
    vi.stubEnv('CHROME_PATH', '/nowhere/chrome');
    expect(findBrowser).toThrow(InvalidInput);
    expect(findBrowser).toThrow('CHROME_PATH is /nowhere/chrome');
  });
});

describe('CUANTA_ADAPTER', () => {
  test('chooses SwiftShader', () => {
    vi.stubEnv('CUANTA_ADAPTER', 'swiftshader');
    expect(launchFlags()).toContain('--use-webgpu-adapter=swiftshader');
  });

  test('chooses the GPU, for Chrome and for Dawn', () => {
    vi.stubEnv('CUANTA_ADAPTER', 'hardware');
    vi.stubEnv('VK_DRIVER_FILES', undefined);
    expect(launchFlags()).not.toContain('--use-webgpu-adapter=swiftshader');
    expect(useSwiftShaderWithoutGpu()).toBeUndefined();
    expect(process.env.VK_DRIVER_FILES).toBeUndefined();
  });

  test('refuses anything else', () => {
    vi.stubEnv('CUANTA_ADAPTER', 'fast');
    expect(adapterKind).toThrow(InvalidInput);
    expect(adapterKind).toThrow('"fast"; it may be "swiftshader" or "hardware"');
  });
});

describe('useSwiftShaderWithoutGpu', () => {
  test('points at the driver of the browser', () => {
    vi.stubEnv('CUANTA_ADAPTER', 'swiftshader');
    vi.stubEnv('VK_DRIVER_FILES', undefined);
    const driver = useSwiftShaderWithoutGpu();
    expect(driver).toMatch(/vk_swiftshader_icd\.json$/);
    expect(process.env.VK_DRIVER_FILES).toBe(driver);
  });

  test.each(['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'])('leaves %s as it is', (variable) => {
    vi.stubEnv('CUANTA_ADAPTER', 'swiftshader');
    vi.stubEnv('VK_DRIVER_FILES', undefined);
    vi.stubEnv(variable, '/chosen/driver.json');
    useSwiftShaderWithoutGpu();
    expect(process.env[variable]).toBe('/chosen/driver.json');
    expect(process.env.VK_DRIVER_FILES).toBe(variable === 'VK_DRIVER_FILES' ? '/chosen/driver.json' : undefined);
  });
});
