/** The package that this code belongs to: where it lies, its version and its commit. Node only. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvalidInput } from '../base/errors.ts';

/** The folder of package.json, from `dist` as from `src/cli`. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) {
      throw new InvalidInput(
        `No package.json lies above ${fileURLToPath(import.meta.url)}. Install the package again, with all its files.`,
      );
    }
    folder = parent;
  }
  return folder;
}

/** The version in package.json. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  return version;
}

/** The git commit of the checkout, in hex; the version where the package is no checkout (installed from npm). */
export function commitOrVersion(): string {
  const root = packageRoot();
  if (existsSync(join(root, '.git'))) {
    const { status, stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' });
    if (status === 0) return stdout.trim();
  }
  return packageVersion();
}

/**
 * The folder of the built pages.
 *
 * @throws InvalidInput when they have not been built
 */
export function pagesFolder(): string {
  const folder = join(packageRoot(), 'dist', 'pages');
  if (!existsSync(folder)) {
    throw new InvalidInput(`The pages are not built: ${folder} does not exist. Run "npm run build" in the checkout.`);
  }
  return folder;
}
