/** The browser and driver that the tests, the command line and `npm start` run the shaders in. Node only. */
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { InvalidInput } from '../base/errors.ts';
import * as environment from './environment.mjs';

/** Runs a search, with what a wrong environment variable makes it throw as an error of Cuanta. */
function searched<Found>(search: () => Found): Found {
  try {
    return search();
  } catch (cause) {
    throw cause instanceof environment.EnvironmentError ? new InvalidInput(cause.message, { cause }) : cause;
  }
}

/**
 * The browser to run the shaders in: `CHROME_PATH`, then puppeteer's own download, then an installed Chrome or Chromium.
 *
 * @returns the path of its executable; undefined when there is none
 * @throws InvalidInput when `CHROME_PATH` is set and is no executable file
 */
export function findBrowser(): string | undefined {
  return searched(environment.findBrowser);
}

/**
 * Which kind of adapter to ask for: the GPU where there is one, otherwise SwiftShader, which computes on the CPU.
 * `CUANTA_ADAPTER` (`swiftshader` or `hardware`) overrides it.
 *
 * @throws InvalidInput when `CUANTA_ADAPTER` is anything else
 */
export function adapterKind(): 'swiftshader' | 'hardware' {
  return searched(environment.adapterKind);
}

/**
 * The flags with which Chrome or Chromium is launched.
 *
 * @returns flags for WebGPU on this machine: SwiftShader where there is no GPU, no sandbox for root
 */
export function launchFlags(): string[] {
  const flags = ['--enable-unsafe-webgpu', '--disable-background-networking', '--no-first-run'];
  if (process.getuid?.() === 0) {
    flags.push('--no-sandbox');
  }
  if (adapterKind() === 'swiftshader') {
    flags.push('--use-webgpu-adapter=swiftshader');
  } else if (process.platform === 'linux') {
    // Headless Chrome reaches a GPU on Linux only so (developer.chrome.com/blog/supercharge-web-ai-testing).
    flags.push('--use-angle=vulkan', '--enable-features=Vulkan', '--disable-vulkan-surface');
  }
  return flags;
}

/**
 * Lets Dawn in this process compute on the browser's SwiftShader when the machine has no GPU. To be called before Dawn is
 * loaded. A driver already chosen in `VK_DRIVER_FILES` or `VK_ICD_FILENAMES` stands.
 *
 * @returns the driver's manifest, when one is set in `VK_DRIVER_FILES` or was found; otherwise undefined
 */
export function useSwiftShaderWithoutGpu(): string | undefined {
  if (process.env.VK_ICD_FILENAMES !== undefined) {
    return undefined;
  }
  const driver =
    process.env.VK_DRIVER_FILES ??
    (adapterKind() === 'swiftshader' ? searched(environment.findSwiftShaderDriver) : undefined);
  if (driver !== undefined) {
    process.env.VK_DRIVER_FILES = driver;
    loadVulkanLoader(join(dirname(driver), 'libvulkan.so.1'));
  }
  return driver;
}

/** From <dlfcn.h>, the same on all Linuxes; node:os does not name it. */
const RTLD_NODELETE = 0x1000;

/**
 * Loads the Vulkan loader that comes with the browser, so that Dawn, which opens it by name, finds it also where no
 * libvulkan is installed: the dynamic linker returns the library of that name that is loaded already.
 */
function loadVulkanLoader(path: string): void {
  if (!existsSync(path)) {
    return;
  }
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
  } catch {
    // It is no Node addon, which Node says only after it has been loaded; RTLD_NODELETE keeps it.
  }
}
