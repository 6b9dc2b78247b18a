import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

const math = ['base', 'gpu', 'quant'];
const operators = [...math, 'calib', 'gemm', 'conv', 'nn'];
const models = [...operators, 'cluster', 'graph', 'io'];

/** What each folder of src may import beside itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  base: [],
  io: ['base'],
  gpu: ['base'],
  quant: ['base', 'gpu'],
  calib: math,
  gemm: math,
  conv: math,
  nn: math,
  cluster: [...math, 'gemm'],
  graph: [...operators, 'cluster'],
  onnx: models,
  train: models,
  llm: models,
  cli: [...models, 'onnx', 'train', 'llm', 'index.ts'],
  // The public entry gathers everything but the command line.
  'index.ts': [...models, 'onnx', 'train', 'llm'],
};

function filesUnder(folder: string, ending: RegExp): string[] {
  const absolute = join(root, folder);
  const names = existsSync(absolute) ? readdirSync(absolute, { recursive: true, encoding: 'utf8' }) : [];
  return names
    .filter((name) => ending.test(name))
    .map((name) => join(folder, name))
    .sort();
}

/** The specifiers that a file imports, exports from or imports dynamically, types included. */
function importsOf(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8');
  return ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName);
}

const code = /\.(ts|mjs)$/;
const sources = filesUnder('src', code);
const everywhere = [...sources, ...filesUnder('examples', code), ...filesUnder('test', code)];

/** The files that each file of src imports by a relative path. */
const graph = new Map(
  sources.map((path) => [
    path,
    importsOf(path)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => normalize(join(dirname(path), specifier))),
  ]),
);

/** `src/gemm/matmul.ts` → `gemm`; `src/index.ts` → `index.ts`; what is not under src → its path. */
function layerOf(path: string): string {
  const inside = relative('src', path);
  return inside.startsWith('..') ? path : (inside.split('/')[0] ?? inside);
}

/** A way from a file back to itself along the imports, if there is one. */
function findCycle(): string[] | undefined {
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] | undefined => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      return [...trail.slice(start), path];
    }
    if (finished.has(path)) {
      return undefined;
    }
    for (const next of graph.get(path) ?? []) {
      const cycle = visit(next, [...trail, path]);
      if (cycle) {
        return cycle;
      }
    }
    finished.add(path);
    return undefined;
  };
  for (const path of graph.keys()) {
    const cycle = visit(path, []);
    if (cycle) {
      return cycle;
    }
  }
  return undefined;
}

describe('imports', () => {
  test('there are sources to look at', () => {
    expect(sources).toContain('src/base/errors.ts');
    expect(graph.get('src/cli/browser.ts')).toContain('src/base/errors.ts');
  });

  test('every folder of src has its place', () => {
    expect([...new Set(sources.map(layerOf))].filter((layer) => !(layer in allowed))).toEqual([]);
  });

  test.each([...new Set(sources.map(layerOf))])('%s imports only what it stands on', (layer) => {
    const wrong = [...graph]
      .filter(([path]) => layerOf(path) === layer)
      .flatMap(([path, targets]) =>
        targets.map((target) => ({ path, target, to: layerOf(target) })).filter(({ to }) => to !== layer),
      )
      .filter(({ to }) => !allowed[layer]?.includes(to))
      .map(({ path, target }) => `${path} → ${target}`);
    expect(wrong).toEqual([]);
  });

  test('no file reaches itself', () => {
    expect(findCycle()).toBeUndefined();
  });

  test('wesl is known to one file', () => {
    expect(everywhere.filter((path) => importsOf(path).includes('wesl'))).toEqual(['src/gpu/shaders.ts']);
  });

  test('only the command line needs Node or a browser to drive', () => {
    const bound = /^(node:|puppeteer$|webgpu$)/;
    const wrong = sources.filter((path) => layerOf(path) !== 'cli' && importsOf(path).some((name) => bound.test(name)));
    expect(wrong).toEqual([]);
  });
});

describe('shaders', () => {
  // A module without an entry point is only imported by kernels, which have tests of their own.
  const kernels = filesUnder('shaders', /\.wgsl$/)
    .filter((path) => readFileSync(join(root, path), 'utf8').includes('@compute'))
    .map((path) => relative('shaders', path).replace(/\.wgsl$/, ''))
    .filter((name) => !name.startsWith('shared/'));

  test('there are kernels to look at', () => {
    expect(kernels.length).toBeGreaterThan(0);
  });

  // The host file bears the kernel's name, or that of the algorithm whose steps several kernels are.
  test.each(kernels)('%s has one host file, and that a test', (name) => {
    const domain = name.split('/')[0];
    const hosts = sources.filter(
      (path) => path.startsWith(`src/${domain}/`) && readFileSync(join(root, path), 'utf8').includes(`'${name}'`),
    );
    expect(hosts).toHaveLength(1);
    const tests = hosts.map((path) => path.replace(/^src/, 'test').replace(/\.ts$/, '.test.ts'));
    expect(tests.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});
