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

/** A row of a table, of which the first cell is its heading. */
export function tableRow(heading: string, cells: readonly (string | Node)[]): HTMLTableRowElement {
  const row = document.createElement('tr');
  const head = document.createElement('th');
  head.scope = 'row';
  head.textContent = heading;
  row.append(head);
  for (const content of cells) {
    const cell = document.createElement('td');
    cell.className = 'number';
    cell.append(content);
    row.append(cell);
  }
  return row;
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
