/** The program `cuanta`. */
import { cac } from 'cac';
import { benchAgglomerativeCommand } from './benchAgglomerative.ts';
import { benchDbscanCommand } from './benchDbscan.ts';
import { benchGaussianMixtureCommand } from './benchGaussianMixture.ts';
import { benchKmeansCommand } from './benchKmeans.ts';
import { benchMatmulCommand } from './benchMatmul.ts';
import { benchModelCommand } from './benchModel.ts';
import { benchProductQuantizationCommand } from './benchProductQuantization.ts';
import { benchSuiteCommand } from './benchSuite.ts';
import { packageVersion } from './checkout.ts';
import { clusterAgglomerativeCommand } from './clusterAgglomerative.ts';
import { clusterBisectingCommand } from './clusterBisecting.ts';
import { clusterDbscanCommand } from './clusterDbscan.ts';
import { clusterGaussianMixtureCommand } from './clusterGaussianMixture.ts';
import { clusterKmeansCommand } from './clusterKmeans.ts';
import { clusterMiniBatchCommand } from './clusterMiniBatch.ts';
import { clusterProductQuantizationCommand } from './clusterProductQuantization.ts';
import { type Command, commonOptions } from './command.ts';
import { evaluateCommand } from './evaluate.ts';
import { infoCommand } from './info.ts';
import { inspectCommand } from './inspect.ts';
import { describeError } from './jobs/job.ts';
import { quantizeCommand } from './quantize.ts';
import { createReporter, type Reporter } from './report.ts';
import { runCommand } from './run.ts';
import { camelCase, type ParsedOptions, UsageError } from './usage.ts';

const commands: readonly Command[] = [
  infoCommand,
  inspectCommand,
  runCommand,
  quantizeCommand,
  evaluateCommand,
  benchMatmulCommand,
  benchKmeansCommand,
  benchDbscanCommand,
  benchGaussianMixtureCommand,
  benchAgglomerativeCommand,
  benchProductQuantizationCommand,
  benchModelCommand,
  benchSuiteCommand,
  clusterKmeansCommand,
  clusterMiniBatchCommand,
  clusterBisectingCommand,
  clusterGaussianMixtureCommand,
  clusterDbscanCommand,
  clusterAgglomerativeCommand,
  clusterProductQuantizationCommand,
];
/** The first words of commands that have two. */
const families = new Set(commands.filter(({ name }) => name.includes(' ')).map(({ name }) => name.split(' ')[0] ?? ''));

/** Exit codes: done, failed, command line not understood. */
const exitCodes = { done: 0, failed: 1, usage: 2 } as const;

async function main(words: readonly string[]): Promise<number> {
  const reporter = createReporter(words.includes('--json'));
  try {
    await run(words, reporter);
    return exitCodes.done;
  } catch (error) {
    if (error instanceof UsageError) {
      reporter.error(error.code, `${error.message} See cuanta ${helpFor(words)}--help.`);
      return exitCodes.usage;
    }
    const { code, message, stack } = describeError(error);
    reporter.error(code, code === 'UnsupportedAdapter' ? `${message} ${adapterRemedy}` : message);
    // An internal error is a defect: whoever reports it needs the place.
    if (stack !== undefined) reporter.notice(stack);
    return exitCodes.failed;
  }
}

const adapterRemedy = 'CUANTA_ADAPTER=swiftshader computes on the CPU where a GPU has no working driver.';

async function run(words: readonly string[], reporter: Reporter): Promise<void> {
  const cli = cac('cuanta');
  cli.help();
  cli.option('-v, --version', 'Display the version');
  for (const { name, arguments: inputs = '', description, options, example } of commands) {
    const command = cli
      .command(`${name} ${inputs}`.trim(), description)
      .usage(`${name} ${inputs} [options]`.replace('  ', ' '));
    for (const option of [...options, ...commonOptions]) {
      command.option(option.name, option.description, option.default === undefined ? {} : { default: option.default });
    }
    command.example(`  $ cuanta ${example}`);
  }
  const { args, options } = cli.parse(['node', 'cuanta', ...joinCommand(attachNegatives(words))], { run: false });
  if (options.help) return;
  const afterDashes = Array.isArray(options['--']) ? options['--'].map(String) : [];
  const chosen = commands.find(({ name }) => name === cli.matchedCommandName);
  if (chosen) {
    assertOptions(chosen, options);
    const inputs = [...args, ...afterDashes];
    assertArguments(chosen, inputs);
    await chosen.run(inputs, options, reporter);
    return;
  }
  const [given] = args;
  if (given !== undefined) {
    const [family] = given.split(' ');
    const near = families.has(family ?? '') ? commands.filter(({ name }) => name.startsWith(`${family} `)) : commands;
    throw new UsageError(`There is no command "${given}"; there are ${near.map(({ name }) => name).join(', ')}.`);
  }
  const unknown = Object.keys(options).find((key) => key !== '--' && !cli.globalCommand.hasOption(key));
  if (unknown !== undefined) {
    throw new UsageError(`There is no option ${spell(unknown)}; without a command there are --help, --version.`);
  }
  if (options.version) process.stdout.write(`${packageVersion()}\n`);
  else cli.outputHelp();
}

/** Every option given must be one of the command's, and have its value. */
function assertOptions({ name, options }: Command, given: ParsedOptions): void {
  const byKey = new Map([...options, ...commonOptions].map((option) => [keyOf(option.name), option.name]));
  for (const [key, value] of Object.entries(given)) {
    if (['--', 'h', 'help', 'v', 'version'].includes(key)) continue;
    const option = byKey.get(key);
    if (option === undefined) {
      const allowed = [...byKey.values()].map((known) => known.replace(/ .*/, ''));
      throw new UsageError(`There is no option ${spell(key)}; ${name} takes ${allowed.join(', ')}.`);
    }
    if (option.includes('<') && typeof value === 'boolean') {
      throw new UsageError(`The value is missing: ${option}.`);
    }
  }
}

function assertArguments({ name, arguments: expected }: Command, given: readonly string[]): void {
  const count = expected === undefined ? 0 : 1;
  if (given.length < count) throw new UsageError(`${name} lacks its argument ${expected}.`);
  if (given.length > count) {
    const allowed = expected === undefined ? 'takes options only' : `takes one argument, ${expected}`;
    throw new UsageError(`${name} ${allowed}; ${JSON.stringify(given[count])} is too many.`);
  }
}

/** `--max-iterations <count>` → `maxIterations`, as the parser names it. */
function keyOf(option: string): string {
  return camelCase(option.replace(/^--| .*/g, ''));
}

/** `maxIterations` → `--max-iterations`. */
function spell(key: string): string {
  return `${key.length > 1 ? '--' : '-'}${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `--tolerance -1` → `--tolerance=-1`: the parser would take the value for an option. */
function attachNegatives(words: readonly string[]): string[] {
  const attached: string[] = [];
  for (const word of words) {
    const isValue = /^-\.?\d/.test(word) && /^--[^=]+$/.test(attached.at(-1) ?? '');
    attached.push(isValue ? `${attached.pop()}=${word}` : word);
  }
  return attached;
}

/** Makes one word of the two that name a command, because the parser knows commands of one word. */
function joinCommand(words: readonly string[]): string[] {
  const first = words.findIndex((word) => commands.some(({ name }) => name === word) || families.has(word));
  const [family = '', second] = words.slice(first, first + 2);
  if (first < 0 || !families.has(family) || second === undefined || second.startsWith('-')) return [...words];
  return [...words.slice(0, first), `${family} ${second}`, ...words.slice(first + 2)];
}

/** The command whose help is worth a look, with a space behind it. */
function helpFor(words: readonly string[]): string {
  const joined = joinCommand(words);
  const command = commands.find(({ name }) => joined.includes(name));
  return command ? `${command.name} ` : '';
}

// Whoever reads the output may stop early, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
process.exitCode = await main(process.argv.slice(2));
