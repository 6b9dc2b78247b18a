import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../src/cli/checkout.ts';
import { useEngine } from '../support/engine.ts';
import { readCases } from './archive.ts';
import { type CaseResult, resultsTable } from './resultsTable.ts';
import { runCase } from './runCase.ts';

const open = useEngine();
const folder = join(packageRoot(), 'test/conformance');
const cases = readCases(new Uint8Array(gunzipSync(readFileSync(join(folder, 'data/node.tar.gz')))));
const results: CaseResult[] = [];

describe('ONNX backend node tests', () => {
  test.each(cases)('$name', async (conformanceCase) => {
    const result = await runCase(await open(), conformanceCase);
    results.push(result);
    expect(result.outcome, result.reason).not.toBe('failed');
  });

  test('came out as the committed table says', async () => {
    expect(results.length).toBe(cases.length);
    await expect(resultsTable(results)).toMatchFileSnapshot(join(folder, 'RESULTS.md'));
  });
});
