/** Runs a job where the user wants it: in this process on Dawn, or in Chrome. Node only. */
import { Engine } from '../gpu/engine.ts';
import { adapterKind, findBrowser, useSwiftShaderWithoutGpu } from './browser.ts';
import { openChromePage } from './chrome.ts';
import { FileBytes } from './fileBytes.ts';
import { type Job, type JobResult, reviveError } from './jobs/job.ts';
import type { PageAnswer, PageRequest, Tell } from './pageRuntime.ts';

/** Where shaders run: in Node on Dawn (package `webgpu`), or in headless Chrome. */
export type Runtime = 'dawn' | 'chrome';

/** How to run a job. */
export interface RunOptions {
  readonly runtime: Runtime;
  /** Files for the job, by name; none unless given. */
  readonly inputs?: Readonly<Record<string, Uint8Array>>;
  /** Paths of files that the job reads piece by piece, by name; none unless given. */
  readonly sources?: Readonly<Record<string, string>>;
  /** Told what the job is doing. */
  readonly onProgress: (message: string) => void;
  /** Takes files that the job gives before its end; they are dropped unless given. */
  readonly onFile?: (name: string, bytes: Uint8Array) => void;
  /** Told things that the user should know about the result. */
  readonly onNotice: (message: string) => void;
}

/** `dawn` where the package `webgpu` can be loaded, otherwise `chrome`. */
export async function defaultRuntime(): Promise<Runtime> {
  useSwiftShaderWithoutGpu();
  try {
    await import('webgpu');
    return 'dawn';
  } catch {
    return 'chrome';
  }
}

/** Runs a job to its end, on an engine of its own. */
export function runJob<Parameters, Report>(
  job: Job<Parameters, Report>,
  parameters: Parameters,
  options: RunOptions,
): Promise<JobResult<Report>> {
  return options.runtime === 'dawn' ? runOnDawn(job, parameters, options) : runInChrome(job, parameters, options);
}

async function runOnDawn<Parameters, Report>(
  job: Job<Parameters, Report>,
  parameters: Parameters,
  { inputs = {}, sources = {}, onProgress, onFile, onNotice }: RunOptions,
): Promise<JobResult<Report>> {
  const driver = useSwiftShaderWithoutGpu();
  const engine = await Engine.open();
  const opened: Record<string, FileBytes> = {};
  try {
    if (engine.info.software) onNotice(softwareNotice(driver));
    for (const [name, path] of Object.entries(sources)) opened[name] = await FileBytes.open(path, 'Name another file.');
    return await job.run(engine, parameters, { inputs, sources: opened, onProgress, ...(onFile && { onFile }) });
  } finally {
    for (const file of Object.values(opened)) await file.close();
    engine.close();
  }
}

async function runInChrome<Parameters, Report>(
  job: Job<Parameters, Report>,
  parameters: Parameters,
  { inputs = {}, sources = {}, onProgress, onFile, onNotice }: RunOptions,
): Promise<JobResult<Report>> {
  const complaints: string[] = [];
  onProgress('starting Chrome');
  const { page, url, outputs, crashed, close } = await openChromePage({
    page: job.page,
    inputs,
    sources,
    onError: (message) => complaints.push(message),
  });
  try {
    const tell: Tell = (kind, message) => {
      if (kind === 'software') onNotice(softwareNotice(findBrowser()));
      else if (kind === 'file') onFile?.(message, outputs.get(message) ?? new Uint8Array());
      else onProgress(message);
    };
    await page.exposeFunction('cuantaTell', tell);
    const ready = page.waitForFunction(() => globalThis.cuantaPage !== undefined, { timeout: 60_000 });
    await Promise.race([crashed, ready]).catch((cause: unknown) => {
      throw new Error(`The page ${job.page} did not start: ${complaints.join('; ') || cause}`, { cause });
    });
    const request: PageRequest = {
      job: job.name,
      parameters: JSON.stringify(parameters),
      root: url,
      inputs: Object.keys(inputs),
      sources: Object.keys(sources),
    };
    const answer = await Promise.race([crashed, page.evaluate(askPage, request)]);
    if ('error' in answer) throw reviveError(answer.error);
    // The page made this report with the very job that was asked for.
    return { report: JSON.parse(answer.report) as Report, files: Object.fromEntries(outputs) };
  } finally {
    await close();
  }
}

/** Runs in the page. */
async function askPage(request: PageRequest): Promise<PageAnswer> {
  const answer = await globalThis.cuantaPage?.run(request);
  return answer ?? { error: { code: 'Internal', message: 'The page was left.' } };
}

function softwareNotice(place: string | undefined): string {
  const reason = adapterKind() === 'swiftshader' ? 'No GPU is used' : 'The GPU was not available';
  const origin = place === undefined ? '' : ` (${place})`;
  return `${reason}: the shaders run on the CPU, in SwiftShader${origin}. Times are not those of a GPU.`;
}
