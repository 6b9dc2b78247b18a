/** The values of command-line options, checked. */
import type { Shape } from '../base/shape.ts';

/** The command line was not understood; the message says what is allowed. Ends the program with exit code 2. */
export class UsageError extends Error {
  readonly code = 'Usage';
}

/** Options as they were parsed: numbers where a text looks like one, `true` for flags, arrays for what came twice. */
export type ParsedOptions = Readonly<Record<string, unknown>>;

/** The text of an option; undefined when it was not given and has no default. */
export function textOption(options: ParsedOptions, name: string): string | undefined {
  const value = options[camelCase(name)];
  if (Array.isArray(value)) throw new UsageError(`--${name} is given ${value.length} times; give it once.`);
  return value === undefined ? undefined : String(value);
}

/** An option of the form `name=value` that may be given several times: the values by name. */
export function assignmentsOption(options: ParsedOptions, name: string): ReadonlyMap<string, string> {
  const given = options[camelCase(name)];
  const assignments = new Map<string, string>();
  for (const item of given === undefined ? [] : Array.isArray(given) ? given : [given]) {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(String(item)) ?? [];
    if (key === undefined || value === undefined) {
      throw new UsageError(`--${name} is ${JSON.stringify(String(item))}; it takes a name, = and a value.`);
    }
    if (assignments.has(key)) throw new UsageError(`--${name} is given twice for ${key}; give it once.`);
    assignments.set(key, value);
  }
  return assignments;
}

/** An option that has to be given. @throws UsageError where it is not */
export function requiredOption(options: ParsedOptions, name: string): string {
  const value = textOption(options, name);
  if (value === undefined) throw new UsageError(`--${name} is missing.`);
  return value;
}

/** The option `--shape name=lengths`, given several times: lengths by the name of an input. */
export function shapesOption(options: ParsedOptions): Readonly<Record<string, Shape>> {
  return Object.fromEntries(
    [...assignmentsOption(options, 'shape')].map(([name, text]) => {
      const lengths =
        text === '' ? [] : text.split(',').map((length) => (length.trim() === '' ? Number.NaN : Number(length)));
      if (lengths.every((length) => Number.isSafeInteger(length) && length >= 0)) return [name, lengths];
      throw new UsageError(
        `--shape of ${name} is ${JSON.stringify(text)}; it takes whole numbers, such as 1,3,48,192.`,
      );
    }),
  );
}

/** An integer option that has a default. */
export function integerOption(options: ParsedOptions, name: string, lowest: number, highest: number): number {
  const text = textOption(options, name);
  const value = text === undefined || text === '' ? Number.NaN : Number(text);
  if (!Number.isSafeInteger(value) || value < lowest || value > highest) {
    const allowed = `an integer from ${lowest.toLocaleString('en')} to ${highest.toLocaleString('en')}`;
    throw new UsageError(`--${name} is ${JSON.stringify(text ?? '')}; it takes ${allowed}.`);
  }
  return value;
}

/** An option that takes integers, separated by commas, and has a default. */
export function integersOption(
  options: ParsedOptions,
  name: string,
  lowest: number,
  highest: number,
): readonly number[] {
  const values = (textOption(options, name) ?? '').split(',');
  return values.map((value) => integerOption({ [camelCase(name)]: value.trim() }, name, lowest, highest));
}

/** An option that takes a finite number from 0 on and has a default. */
export function magnitudeOption(options: ParsedOptions, name: string): number {
  const text = textOption(options, name);
  const value = text === undefined || text === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value) || value < 0) {
    throw new UsageError(`--${name} is ${JSON.stringify(text ?? '')}; it takes a number that is 0 or larger.`);
  }
  return value;
}

/** An option that takes one of some words; undefined when it was not given and has no default. */
export function choiceOption<Word extends string>(
  options: ParsedOptions,
  name: string,
  allowed: readonly Word[],
): Word | undefined {
  const text = textOption(options, name);
  return text === undefined ? undefined : choose(name, text, allowed);
}

/** An option that takes some of a few words, separated by commas, and has a default. */
export function choicesOption<Word extends string>(
  options: ParsedOptions,
  name: string,
  allowed: readonly Word[],
): readonly Word[] {
  const words = (textOption(options, name) ?? '').split(',').map((word) => choose(name, word.trim(), allowed));
  return [...new Set(words)];
}

function choose<Word extends string>(name: string, text: string, allowed: readonly Word[]): Word {
  const found = allowed.find((word) => word === text);
  if (found === undefined) {
    throw new UsageError(`--${name} is ${JSON.stringify(text)}; it takes ${allowed.join(', ')}.`);
  }
  return found;
}

/** `max-iterations` → `maxIterations`, as the parser names options. */
export function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
