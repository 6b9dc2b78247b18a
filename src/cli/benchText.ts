/** What the commands that benchmark clustering have in common. */
import { commitOrVersion } from './checkout.ts';
import { type CommandOption, perform, runtimeOption } from './command.ts';
import type { ClusterBenchReport, TimedCase } from './jobs/clusterBench.ts';
import type { Job } from './jobs/job.ts';
import type { Reporter } from './report.ts';
import type { Runtime } from './runJob.ts';
import { formatNumber, ratioLines, textTable } from './text.ts';
import { integersOption, type ParsedOptions } from './usage.ts';

/** The option that makes `growingOption` double. */
export const scalingOption: CommandOption = {
  name: '--scaling',
  description: 'Time twice and four times the first of each size too, and show what growth costs',
};

/** Numbers to time one after the other: those given, or the first of them, twice and four times it. */
export function growingOption(options: ParsedOptions, name: string, lowest: number, highest: number) {
  const values = integersOption(options, name, lowest, highest);
  const [first = lowest] = values;
  return options.scaling === true ? [first, 2 * first, 4 * first] : values;
}

/** Runs a benchmark and reports it: as JSON with the adapter, the runtime, the commit and the date first. */
export async function benchmark<Parameters, Report extends { readonly adapter: unknown }>(
  job: Job<Parameters, Report>,
  parameters: Parameters,
  options: ParsedOptions,
  reporter: Reporter,
  describe: (report: Report) => string,
  {
    preferred = runtimeOption(options),
    inputs = {},
  }: { readonly preferred?: Runtime | undefined; readonly inputs?: Readonly<Record<string, Uint8Array>> } = {},
): Promise<void> {
  const { report, runtime } = await perform(job, parameters, reporter, { runtime: preferred, inputs });
  const { adapter, ...rest } = report;
  const document = { adapter, runtime, commit: commitOrVersion(), date: new Date().toISOString(), ...rest };
  reporter.result(document, () => describe(report));
}

/** Cases and peers as a table, then how they compare. */
export function describeCases<Ours extends TimedCase, Theirs extends TimedCase>(
  { cases, peers = [], ratios = [], growth = [] }: ClusterBenchReport<Ours, Theirs>,
  header: readonly string[],
  cellsOf: (entry: Ours | Theirs) => readonly string[],
): string {
  const rows = [...cases, ...peers].map((entry) => [entry.name, ...cellsOf(entry)]);
  const grown = growth.map(({ case: name, axis, from, to, ratio }) => [
    name,
    axis,
    `${from.toLocaleString('en')} → ${to.toLocaleString('en')}`,
    formatNumber(to / from),
    formatNumber(ratio),
  ]);
  return [
    textTable(header, rows),
    ...(grown.length > 0 ? [textTable(['growth', 'of', 'size', 'times', 'time'], grown)] : []),
    ...ratioLines(ratios),
  ].join('\n');
}
