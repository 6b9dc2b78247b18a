/**
 * What this machine has to run WebGPU on: the browser, its SwiftShader driver, a GPU. Plain JavaScript without
 * dependencies, because set-up needs it before any package is installed; `browser.ts` is its typed front.
 */
import { accessSync, constants, existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

/** The environment is not as it has to be; the message is for the person who set it. */
export class EnvironmentError extends Error {}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * The names in a folder, empty when it does not exist.
 * @param {string} folder
 */
function namesIn(folder) {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/**
 * Browsers that puppeteer has downloaded before, newest first:
 * `<cache>/chrome/<platform>-<version>/chrome-<platform>/<executable>`.
 */
function cachedBrowsers() {
  const cache = process.env.PUPPETEER_CACHE_DIR ?? join(homedir(), '.cache', 'puppeteer');
  const executables = [
    'chrome',
    'chrome.exe',
    join('Google Chrome for Testing.app', 'Contents', 'MacOS', 'Google Chrome for Testing'),
  ];
  const builds = namesIn(join(cache, 'chrome'))
    .sort((left, right) => right.localeCompare(left, 'en', { numeric: true }))
    .map((name) => join(cache, 'chrome', name));
  return builds.flatMap((build) =>
    namesIn(build).flatMap((folder) => executables.map((executable) => join(build, folder, executable))),
  );
}

/** Where Chrome and Chromium are installed by their packages and installers. */
function installedBrowsers() {
  if (process.platform === 'darwin') {
    return ['Google Chrome', 'Chromium'].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`);
  }
  if (process.platform === 'win32') {
    return [process.env.PROGRAMFILES, process.env['PROGRAMFILES(X86)'], process.env.LOCALAPPDATA]
      .filter((root) => root !== undefined)
      .map((root) => join(root, 'Google', 'Chrome', 'Application', 'chrome.exe'));
  }
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const names = ['google-chrome-stable', 'google-chrome', 'chromium', 'chromium-browser'];
  return names.flatMap((name) => folders.map((folder) => join(folder, name)));
}

/**
 * The browser to run the shaders in: `CHROME_PATH`, then puppeteer's own download, then an installed Chrome or Chromium.
 *
 * @returns {string | undefined} the path of its executable; undefined when there is none
 * @throws {EnvironmentError} when `CHROME_PATH` is set and is no executable file
 */
export function findBrowser() {
  const chosen = process.env.CHROME_PATH;
  if (chosen !== undefined && chosen !== '') {
    if (!isExecutable(chosen)) {
      throw new EnvironmentError(
        `CHROME_PATH is ${chosen}, which is not an executable file. Set it to the path of Chrome or Chromium, or unset it to have one found.`,
      );
    }
    return chosen;
  }
  return [...cachedBrowsers(), ...installedBrowsers()].find(isExecutable);
}

/** Whether the machine shows a GPU: a DRM render node, an NVIDIA device or WSL's; assumed outside Linux. */
function hasGpu() {
  if (process.platform !== 'linux') {
    return true;
  }
  return (
    namesIn('/dev/dri').some((name) => name.startsWith('renderD')) ||
    existsSync('/dev/dxg') ||
    namesIn('/dev').some((name) => /^nvidia\d+$/.test(name))
  );
}

/**
 * Which kind of adapter to ask for: the GPU where there is one, otherwise SwiftShader, which computes on the CPU.
 * `CUANTA_ADAPTER` (`swiftshader` or `hardware`) overrides it.
 *
 * @returns {'swiftshader' | 'hardware'}
 * @throws {EnvironmentError} when `CUANTA_ADAPTER` is anything else
 */
export function adapterKind() {
  const chosen = process.env.CUANTA_ADAPTER;
  if (chosen === undefined || chosen === '') {
    return hasGpu() ? 'hardware' : 'swiftshader';
  }
  if (chosen !== 'swiftshader' && chosen !== 'hardware') {
    throw new EnvironmentError(
      `CUANTA_ADAPTER is ${JSON.stringify(chosen)}; it may be "swiftshader" or "hardware". Unset it to have one chosen.`,
    );
  }
  return chosen;
}

/**
 * The Vulkan driver manifest of the SwiftShader that comes with Chrome and Chromium, for Dawn in Node.
 *
 * @returns {string | undefined} its path; undefined when no browser with it is installed
 */
export function findSwiftShaderDriver() {
  const browser = findBrowser();
  // Debian's /usr/bin/chromium is a script beside nothing: the browser itself is under /usr/lib.
  const folders = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];
  if (browser !== undefined) {
    folders.unshift(dirname(realpathSync(browser)));
  }
  return folders.map((folder) => join(folder, 'vk_swiftshader_icd.json')).find((path) => existsSync(path));
}
