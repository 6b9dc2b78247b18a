/**
 * The element of the page with this id.
 *
 * @throws Error when index.html has no such element of this kind
 */
export function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} with id "${id}".`);
  return found;
}

/**
 * The first element below `root` that a selector matches.
 *
 * @throws Error when there is no such element of this kind
 */
export function elementIn<Kind extends Element>(root: ParentNode, selector: string, kind: new () => Kind): Kind {
  const found = root.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} that matches "${selector}".`);
  return found;
}

/** A new element with attributes and content. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...content: (string | Node)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...content);
  return made;
}

/** A new element of a drawing with attributes and content. */
export function makeSvg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | number>> = {},
  ...content: (string | Node)[]
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...content);
  return made;
}

/** A row of a table, of which the first cell is its heading. */
export function tableRow(heading: string, cells: readonly (string | Node)[]): HTMLTableRowElement {
  return make(
    'tr',
    {},
    make('th', { scope: 'row' }, heading),
    ...cells.map((content) => make('td', { class: 'number' }, content)),
  );
}

/** Puts named figures in a list. */
export function listFigures(list: HTMLDListElement, figures: Readonly<Record<string, string>>): void {
  list.replaceChildren(
    ...Object.entries(figures).map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))),
  );
}

/** Shows an error at the top of the page. */
export function showError(error: unknown): void {
  const alert = element('alert', HTMLParagraphElement);
  alert.textContent = error instanceof Error ? error.message : String(error);
  alert.hidden = false;
}

/** Takes the error at the top of the page away. */
export function clearError(): void {
  element('alert', HTMLParagraphElement).hidden = true;
}

/** A number as people read it. */
export function grouped(value: number): string {
  return value.toLocaleString('en');
}
