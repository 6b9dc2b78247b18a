import { make } from '../shared/elements.ts';
import type { Field } from './algorithms.ts';
import type { Choices } from './choices.ts';

/** The fields of an algorithm, in a form. What was entered stays when another algorithm has a field of the same name. */
export class Fields {
  readonly #form: HTMLElement;
  readonly #kept = new Map<string, string>();

  /** @param form what the fields are put into */
  constructor(form: HTMLElement) {
    this.#form = form;
  }

  /** Shows fields instead of those that were there. */
  show(fields: readonly Field[]): void {
    this.#keep();
    this.#form.replaceChildren(
      ...fields.map((field) => {
        const control = controlOf(field);
        const kept = this.#kept.get(field.name);
        if (kept !== undefined) control.value = kept;
        if (control instanceof HTMLSelectElement && control.selectedIndex < 0) control.selectedIndex = 0;
        return make('label', {}, field.label, control);
      }),
    );
  }

  /** Enters a value, once there is a field for it. */
  enter(name: string, value: string): void {
    this.#keep();
    this.#kept.set(name, value);
    const control = this.#controls().find((one) => one.name === name);
    if (control) control.value = value;
  }

  /** What was entered. Says what is wrong with it and returns nothing, if anything is. */
  read(): Choices | undefined {
    const controls = this.#controls();
    const wrong = controls.find((control) => !control.checkValidity());
    if (wrong) {
      wrong.reportValidity();
      return undefined;
    }
    return Object.fromEntries(
      controls.map((control) => {
        const isNumber = control instanceof HTMLInputElement;
        return [control.name, control.value === '' ? undefined : isNumber ? control.valueAsNumber : control.value];
      }),
    );
  }

  #controls(): (HTMLInputElement | HTMLSelectElement)[] {
    return [...this.#form.querySelectorAll<HTMLInputElement | HTMLSelectElement>('input, select')];
  }

  #keep(): void {
    for (const { name, value } of this.#controls()) this.#kept.set(name, value);
  }
}

function controlOf(field: Field): HTMLInputElement | HTMLSelectElement {
  if (field.kind === 'choice') {
    return make(
      'select',
      { name: field.name },
      ...field.choices.map(([value, title]) => make('option', { value }, title)),
    );
  }
  const { name, least, most, step, first, empty } = field;
  return make('input', {
    type: 'number',
    name,
    min: String(least),
    max: String(most),
    step: String(step),
    value: String(first ?? ''),
    inputmode: step === 'any' ? 'decimal' : 'numeric',
    ...(empty === undefined ? { required: '' } : { placeholder: empty }),
  });
}
