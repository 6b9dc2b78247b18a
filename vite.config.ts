import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import type { Plugin, UserConfig } from 'vite';
import { defineConfig } from 'vitest/config';

const outputFolder = 'dist';

/** What `npm install cuanta` brings or asks for, and what comparisons need; everything else is bundled. */
const external = /^(node:|(@bufbuild\/protobuf|cac|onnx-buf|onnxruntime-web|puppeteer|webgpu|wesl)(\/|$))/;

/** Writes the declarations of the public entry, with the `./x.js` specifiers that NodeNext consumers need. */
function declarations(): Plugin {
  return {
    name: 'cuanta:declarations',
    writeBundle() {
      const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile);
      const { options } = ts.parseJsonConfigFileContent(
        { ...config, include: [], files: ['src/index.ts'] },
        ts.sys,
        '.',
      );
      const outDir = resolve(outputFolder, 'types');
      const program = ts.createProgram(['src/index.ts'], {
        ...options,
        noEmit: false,
        declaration: true,
        emitDeclarationOnly: true,
        stripInternal: true,
        rootDir: resolve('src'),
        outDir,
      });
      const { diagnostics } = program.emit(undefined, (path, text) => {
        const relative = text.replace(/((?:from|import)\s*\(?\s*['"]\.{1,2}\/[^'"]+)\.ts(?=['"])/g, '$1.js');
        // The types of WebGPU are global: a consumer does not get them by importing a module.
        const isEntry = path.endsWith('/types/index.d.ts');
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, isEntry ? `/// <reference types="@webgpu/types" />\n${relative}` : relative);
      });
      if (diagnostics.length > 0) {
        this.error(ts.formatDiagnostics(diagnostics, ts.createCompilerHost(options)));
      }
    },
  };
}

/** Makes the command line a program that a shell can start. */
function executable(entry: string): Plugin {
  return {
    name: 'cuanta:executable',
    generateBundle(_options, bundle) {
      const file = bundle[`${entry}.js`];
      if (file?.type === 'chunk' && !file.code.startsWith('#!')) {
        file.code = `#!/usr/bin/env node\n${file.code}`;
      }
    },
    writeBundle() {
      chmodSync(join(outputFolder, `${entry}.js`), 0o755);
    },
  };
}

/** Moves each page from its place among the sources to `<name>/index.html`, and the runtime page to the root. */
function shortPageAddresses(): Plugin {
  return {
    name: 'cuanta:short-page-addresses',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        for (const [fileName, file] of Object.entries(bundle)) {
          if (file.type !== 'asset' || !fileName.endsWith('.html')) {
            continue;
          }
          const moved = fileName.replace(/^(examples|src\/cli)\//, '');
          const upBefore = '../'.repeat(fileName.split('/').length - 1);
          const upAfter = '../'.repeat(moved.split('/').length - 1) || './';
          delete bundle[fileName];
          this.emitFile({ type: 'asset', fileName: moved, source: String(file.source).replaceAll(upBefore, upAfter) });
        }
      },
    },
  };
}

/** `dist/index.js`, the library; `dist/cli.js`, the command line; `dist/start.js`, the program behind `npm start`. */
function libraryBuild(): UserConfig {
  const entries = { index: 'src/index.ts', cli: 'src/cli/main.ts', start: 'examples/demo/start.ts' };
  return {
    publicDir: false,
    plugins: [declarations(), executable('cli')],
    build: {
      outDir: outputFolder,
      emptyOutDir: true,
      target: 'es2022',
      minify: false,
      lib: { entry: entries, formats: ['es'] },
      // Beside the entries and not in a folder, so that import.meta.url means the same folder in all of them.
      rolldownOptions: {
        external,
        checks: { bundlerTimings: false },
        output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  };
}

/** `dist/pages`: the examples, and the page in which the command line runs its shaders in Chrome. */
function pagesBuild(): UserConfig {
  const examples = readdirSync('examples')
    .map((name) => [name, `examples/${name}/index.html`] as const)
    .filter(([, path]) => existsSync(path));
  return {
    base: './',
    publicDir: false,
    plugins: [shortPageAddresses()],
    worker: { format: 'es' },
    build: {
      outDir: `${outputFolder}/pages`,
      emptyOutDir: true,
      target: 'es2022',
      chunkSizeWarningLimit: 4096,
      rolldownOptions: {
        input: { ...Object.fromEntries(examples), runtime: 'src/cli/runtime.html' },
        output: {
          // Models, data sets and what is only compared with lie apart: they are not published.
          chunkFileNames: ({ name }) => `${name === 'tensorflow' ? 'data' : 'assets'}/[name]-[hash].js`,
          assetFileNames: ({ names }) =>
            /\.(onnx|wasm|jsonl?|bin|txt)$/.test(names[0] ?? '')
              ? 'data/[name]-[hash][extname]'
              : 'assets/[name]-[hash][extname]',
        },
      },
    },
  };
}

export default defineConfig(async ({ mode }) => {
  if (process.env.VITEST) {
    const { testOptions } = await import('./test/support/testOptions.ts');
    return { test: testOptions(mode === 'full') };
  }
  return mode === 'library' ? libraryBuild() : pagesBuild();
});
