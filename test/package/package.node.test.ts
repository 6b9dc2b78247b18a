import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';

// What a project that installs the package sees of it. Looks at dist as set-up built it.
const root = fileURLToPath(new URL('../..', import.meta.url));

function runNpm(...parameters: string[]): string {
  const { status, stdout, stderr } = spawnSync('npm', parameters, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  expect(status, stderr).toBe(0);
  return stdout;
}

test('publint has nothing to say', async () => {
  const { messages, pkg = {} } = await publint({ pkgDir: root, strict: true });
  expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
});

test('the package holds the library, the types, the command line and the pages, but no data sets', () => {
  const [packed] = JSON.parse(runNpm('pack', '--dry-run', '--json')) as [{ files: { path: string; mode: number }[] }];
  const paths = packed.files.map((file) => file.path);
  expect(paths).toEqual(expect.arrayContaining(['dist/index.js', 'dist/types/index.d.ts', 'LICENSE']));
  expect(paths.filter((path) => !/^(dist\/|README\.md$|LICENSE$|package\.json$)/.test(path))).toEqual([]);
  expect(paths.filter((path) => /^dist\/(start\.js$|pages\/(data|demo|ocr)\/)/.test(path))).toEqual([]);
});

test('npx finds the command line in the checkout', () => {
  expect(runNpm('exec', '--', 'cuanta', '--help')).toContain('cuanta');
});

let consumer = '';

beforeAll(() => {
  consumer = mkdtempSync(join(tmpdir(), 'cuanta-consumer-'));
  mkdirSync(join(consumer, 'node_modules'));
  symlinkSync(root, join(consumer, 'node_modules', 'cuanta'), 'junction');
  writeFileSync(join(consumer, 'package.json'), '{ "type": "module" }');
});

afterAll(() => {
  rmSync(consumer, { recursive: true, force: true });
});

/** What TypeScript says about a consumer's source under the strictest options. */
function diagnose(source: string): string[] {
  const file = join(consumer, 'consumer.ts');
  writeFileSync(file, source);
  const program = ts.createProgram([file], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts'],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
  });
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

test('a NodeNext project gets the types', () => {
  const source = `import { Engine } from 'cuanta';
    export async function limits(): Promise<number> {
      const engine: Engine = await Engine.open();
      return engine.info.limits.maxBufferSize ?? 0;
    }`;
  expect(diagnose(source)).toEqual([]);
  // Types that resolved to any would let this pass.
  expect(diagnose(`import { Engine } from 'cuanta'; Engine.opne();`)).toHaveLength(1);
});

test('a Node project gets the code', () => {
  const program = `const { Engine } = await import('cuanta'); console.log(typeof Engine.open);`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: consumer,
    encoding: 'utf8',
  });
  expect(stdout.trim(), stderr).toBe('function');
});
