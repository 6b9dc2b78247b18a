/** What was chosen for an algorithm, by the names of its fields. */
export type Choices = Readonly<Record<string, number | string | undefined>>;

/** A number that was chosen. */
export function chosenNumber(choices: Choices, name: string): number {
  return Number(choices[name]);
}

/** A word that was chosen from a list. */
export function chosenWord<Word extends string>(choices: Choices, name: string): Word {
  return choices[name] as Word;
}
