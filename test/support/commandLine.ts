import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/cli/checkout.ts';

export interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command line in a process of its own, which has no terminal. */
export function cuanta(words: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Run> {
  const program = join(packageRoot(), 'dist', 'cli.js');
  if (!existsSync(program)) throw new Error(`${program} is not built: run "npm run build" first.`);
  return new Promise((resolve) => {
    const env = { ...process.env, ...environment };
    execFile(process.execPath, [program, ...words], { env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : Number.NaN;
      resolve({ exitCode, stdout, stderr });
    });
  });
}

/** Runs a command with `--json` that is to succeed: its document, and nothing else on stdout. */
export async function cuantaJson(words: readonly string[]): Promise<Record<string, unknown>> {
  const { exitCode, stdout, stderr } = await cuanta([...words, '--json']);
  if (exitCode !== 0) throw new Error(`cuanta ${words.join(' ')} ended with ${exitCode}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}
