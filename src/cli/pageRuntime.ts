/** The page's side of `--runtime chrome`: runs the jobs of a page on request of the command line that opened it. */
import { Engine } from '../gpu/engine.ts';
import { describeError, type ErrorDescription, type Job } from './jobs/job.ts';

/** What the command line asks a page for. */
export interface PageRequest {
  /** Name of the job. */
  readonly job: string;
  /** The job's parameters, as JSON. */
  readonly parameters: string;
  /** Root of the server, for `inputs/<name>` and `outputs/<name>`. */
  readonly root: string;
  /** Names of the inputs to fetch. */
  readonly inputs: readonly string[];
  /** Names of the inputs to fetch as files, of which the browser keeps large ones on disk. */
  readonly sources: readonly string[];
}

/** What a page answers: the report as JSON, or what went wrong. Files were sent to the server. */
export type PageAnswer = { readonly report: string } | { readonly error: ErrorDescription };

/** What a page tells while it works: a step of the job, that it computes on the CPU, or the name of a file that it has sent. */
export type Tell = (kind: 'progress' | 'software' | 'file', message: string) => void;

declare global {
  /** Set by a page that offers jobs. */
  var cuantaPage: { run(request: PageRequest): Promise<PageAnswer> } | undefined;
  /** Set by the command line. */
  var cuantaTell: Tell | undefined;
}

/** Lets the command line run these jobs in the page. */
export function offerJobs(jobs: readonly Job<never, unknown>[]): void {
  globalThis.cuantaPage = {
    async run(request) {
      try {
        return { report: JSON.stringify(await run(jobs, request)) };
      } catch (error) {
        return { error: describeError(error) };
      }
    },
  };
}

async function run(jobs: readonly Job<never, unknown>[], request: PageRequest): Promise<unknown> {
  const job = jobs.find(({ name }) => name === request.job);
  if (!job) throw new Error(`This page has no job ${request.job}; it has ${jobs.map(({ name }) => name).join(', ')}.`);
  const inputs = await Promise.all(
    request.inputs.map(
      async (name) => [name, new Uint8Array(await (await fetchInput(request, name)).arrayBuffer())] as const,
    ),
  );
  const sources = await Promise.all(
    request.sources.map(async (name) => [name, await (await fetchInput(request, name)).blob()] as const),
  );
  const engine = await Engine.open();
  try {
    if (engine.info.software) globalThis.cuantaTell?.('software', '');
    // The command line wrote these parameters for this very job.
    const parameters = JSON.parse(request.parameters) as never;
    const { report, files = {} } = await job.run(engine, parameters, {
      inputs: Object.fromEntries(inputs),
      sources: Object.fromEntries(sources),
      onProgress: (message) => globalThis.cuantaTell?.('progress', message),
      onFile: async (name, bytes) => {
        await send(`${request.root}outputs/${name}`, bytes);
        globalThis.cuantaTell?.('file', name);
      },
    });
    for (const [name, bytes] of Object.entries(files)) await send(`${request.root}outputs/${name}`, bytes);
    return report;
  } finally {
    engine.close();
  }
}

async function fetchInput({ root }: PageRequest, name: string): Promise<Response> {
  const url = `${root}inputs/${name}`;
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered with status ${response.status}.`);
  return response;
}

async function send(url: string, bytes: Uint8Array): Promise<void> {
  // A copy, because the bytes may lie in memory of another kind than a request takes.
  const response = await fetch(url, { method: 'PUT', body: new Uint8Array(bytes) });
  if (!response.ok) throw new Error(`${url} answered with status ${response.status}.`);
}
