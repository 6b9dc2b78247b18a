/** What the commands of the command line have in common. */
import type { Job, JobResult } from './jobs/job.ts';
import type { Reporter } from './report.ts';
import { defaultRuntime, type Runtime, runJob } from './runJob.ts';
import { choiceOption, type ParsedOptions } from './usage.ts';

/** An option as the help shows it. */
export interface CommandOption {
  /** `--name <value>`, or `--name` for a flag. */
  readonly name: string;
  /** Meaning, unit, range. */
  readonly description: string;
  /** Value when it is not given; none unless given. */
  readonly default?: string | number;
}

/** A command of the command line. */
export interface Command {
  /** The words that name it: `bench matmul`. */
  readonly name: string;
  /** Its arguments as the help shows them: `<file>`. */
  readonly arguments?: string;
  readonly description: string;
  readonly options: readonly CommandOption[];
  /** A command line to start from. */
  readonly example: string;
  readonly run: (inputs: readonly string[], options: ParsedOptions, reporter: Reporter) => Promise<void>;
}

/** Options of every command. */
export const commonOptions: readonly CommandOption[] = [
  { name: '--runtime <name>', description: 'Where the shaders run: dawn (in Node) or chrome; dawn if it is installed' },
  { name: '--json', description: 'Print one JSON document on stdout, and nothing else there' },
];

/** The option that `shapesOption` reads. */
export const shapeOption: CommandOption = {
  name: '--shape <name=lengths>',
  description: 'Shape of an input that the model leaves open, such as x=1,3,48,192; may be given several times',
};

/** The runtime asked for, if any. */
export function runtimeOption(options: ParsedOptions): Runtime | undefined {
  return choiceOption(options, 'runtime', ['dawn', 'chrome']);
}

/** A job's result, and where it was made. */
export interface Outcome<Report> extends JobResult<Report> {
  readonly runtime: Runtime;
}

/** Runs a job for a command. */
export async function perform<Parameters, Report>(
  job: Job<Parameters, Report>,
  parameters: Parameters,
  { progress, notice }: Reporter,
  where: {
    readonly runtime?: Runtime | undefined;
    readonly inputs?: Readonly<Record<string, Uint8Array>>;
    readonly sources?: Readonly<Record<string, string>>;
    readonly onFile?: (name: string, bytes: Uint8Array) => void;
  },
): Promise<Outcome<Report>> {
  const runtime = where.runtime ?? (await defaultRuntime());
  const result = await runJob(job, parameters, {
    runtime,
    onProgress: progress,
    onNotice: notice,
    ...(where.inputs && { inputs: where.inputs }),
    ...(where.sources && { sources: where.sources }),
    ...(where.onFile && { onFile: where.onFile }),
  });
  return { ...result, runtime };
}
