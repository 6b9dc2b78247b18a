/**
 * Makes a fresh clone ready to run: packages, a browser, the build. Says each step in one line and skips what is there.
 * Plain JavaScript without dependencies, because it runs before any package is installed.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EnvironmentError, findBrowser } from './environment.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const sources = ['shaders', 'src', 'examples', 'package.json', 'package-lock.json', 'tsconfig.json', 'vite.config.ts'];
const buildMark = join(root, 'node_modules', '.cache', 'cuanta', 'build.sha256');

/** @param {string} line */
function say(line) {
  console.log(`[set-up] ${line}`);
}

/**
 * Runs a program with its output shown only when it fails.
 *
 * @param {string} program
 * @param {readonly string[]} parameters
 * @param {{ timeoutSeconds?: number, environment?: Record<string, string> }} [options]
 * @returns {{ ok: boolean, output: string }}
 */
function run(program, parameters, { timeoutSeconds, environment } = {}) {
  const result = spawnSync(program, parameters, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...environment },
    shell: process.platform === 'win32',
    ...(timeoutSeconds === undefined ? {} : { timeout: timeoutSeconds * 1000 }),
  });
  return {
    ok: result.status === 0,
    output: [result.stdout, result.stderr, result.error?.message].filter(Boolean).join('\n').trim(),
  };
}

/**
 * The packages that a lock file names, by path.
 *
 * @param {string} path
 * @returns {Record<string, { version?: string, optional?: boolean }>}
 */
function packagesOf(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages;
}

/** Whether npm's own record of what it installed agrees with package-lock.json. */
function arePackagesCurrent() {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) {
    return false;
  }
  const installed = packagesOf(record);
  return Object.entries(packagesOf(join(root, 'package-lock.json'))).every(
    // Optional packages are those of other platforms; '' is this package.
    ([path, { version, optional }]) =>
      path === '' || (installed[path] === undefined ? optional === true : installed[path].version === version),
  );
}

function installPackages() {
  if (arePackagesCurrent()) {
    say('packages: there');
    return;
  }
  say('packages: installing with npm ci …');
  const { ok, output } = run('npm', ['ci', '--no-audit', '--no-fund'], {
    environment: { PUPPETEER_SKIP_DOWNLOAD: '1' },
  });
  if (!ok) {
    throw new EnvironmentError(
      `npm ci failed:\n${output}\nCheck that the npm registry can be reached, then try again.`,
    );
  }
}

/**
 * Whether a browser starts here at all: a downloaded one may lack system libraries.
 *
 * @param {string} browser
 */
function starts(browser) {
  return run(browser, ['--version'], { timeoutSeconds: 30 }).ok;
}

/**
 * Puppeteer's download into its cache.
 *
 * @returns {Promise<string | undefined>} the browser, or undefined when it could not be had
 */
async function downloadBrowser() {
  const host = 'https://storage.googleapis.com/chrome-for-testing-public/';
  try {
    // Behind a closed firewall the download would hang for minutes.
    await fetch(host, { method: 'HEAD', signal: AbortSignal.timeout(5_000) });
  } catch {
    say(`browser: puppeteer's download is not reachable (${new URL(host).host})`);
    return undefined;
  }
  say('browser: downloading Chrome with puppeteer …');
  const cli = join(root, 'node_modules', '.bin', 'puppeteer');
  const { ok, output } = run(cli, ['browsers', 'install', 'chrome'], { timeoutSeconds: 180 });
  const browser = ok ? findBrowser() : undefined;
  if (browser === undefined) {
    say(`browser: the download failed (${output.split('\n').at(-1)})`);
    return undefined;
  }
  if (!starts(browser)) {
    say('browser: the downloaded Chrome does not start here (system libraries are missing); removed');
    rmSync(dirname(dirname(browser)), { recursive: true, force: true });
    return undefined;
  }
  return browser;
}

/** @param {string} program */
function isOnPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}

/**
 * Debian's Chromium.
 *
 * @returns {string | undefined} the browser, or undefined when it could not be installed
 */
function installChromium() {
  if (!isOnPath('apt-get') || process.getuid?.() !== 0) {
    return undefined;
  }
  say('browser: installing Debian’s chromium with apt-get …');
  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  const steps = [['update'], ['install', '-y', '--no-install-recommends', 'chromium']];
  for (const step of steps) {
    const { ok, output } = run('apt-get', step, { environment });
    if (!ok) {
      say(`browser: apt-get ${step[0]} failed (${output.split('\n').at(-1)})`);
    }
  }
  return findBrowser();
}

/**
 * `CHROME_PATH`, a browser that puppeteer downloaded before and an installed one come first: they cost nothing. Only then
 * puppeteer's download is tried, and Debian's package last.
 */
async function provideBrowser() {
  const browser = findBrowser() ?? (await downloadBrowser()) ?? installChromium();
  if (browser === undefined) {
    throw new EnvironmentError(
      'No Chrome or Chromium was found or could be installed. Install one (Debian: apt-get install chromium; elsewhere: https://www.google.com/chrome/), or set CHROME_PATH to its executable.',
    );
  }
  say(`browser: ${browser}`);
}

/**
 * The files under a path, sorted.
 *
 * @param {string} path relative to the root
 * @returns {string[]}
 */
function filesUnder(path) {
  const absolute = join(root, path);
  if (!existsSync(absolute)) {
    return [];
  }
  return statSync(absolute).isDirectory()
    ? readdirSync(absolute)
        .sort()
        .flatMap((name) => filesUnder(join(path, name)))
    : [path];
}

function sourceHash() {
  const hash = createHash('sha256');
  for (const path of sources.flatMap(filesUnder)) {
    const content = readFileSync(join(root, path));
    hash.update(`${path}\n${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}

function build() {
  const hash = sourceHash();
  const isBuilt = existsSync(join(root, 'dist', 'index.js')) && existsSync(buildMark);
  if (isBuilt && readFileSync(buildMark, 'utf8') === hash) {
    say('build: current');
    return;
  }
  say('build: building dist …');
  rmSync(buildMark, { force: true });
  const { ok, output } = run('npm', ['run', 'build']);
  if (!ok) {
    throw new EnvironmentError(`The build failed:\n${output}`);
  }
  mkdirSync(dirname(buildMark), { recursive: true });
  writeFileSync(buildMark, hash);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new EnvironmentError(
      `Node is ${process.versions.node}; Cuanta needs 20.19 or newer. Install it from nodejs.org.`,
    );
  }
}

try {
  checkNode();
  installPackages();
  await provideBrowser();
  build();
} catch (error) {
  console.error(error instanceof EnvironmentError ? `[set-up] ${error.message}` : error);
  process.exitCode = 1;
}
