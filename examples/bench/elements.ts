/**
 * The element of the page with this id.
 *
 * @throws Error when there is none of this kind, which is a defect of the page
 */
export function element<E extends HTMLElement>(id: string, kind: new () => E): E {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`The page has no ${kind.name} with the id ${id}.`);
  return found;
}

/** A new element with attributes and content. */
export function make(
  tag: string,
  attributes: Readonly<Record<string, string>> = {},
  ...content: (string | Node)[]
): HTMLElement {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...content);
  return made;
}
