import type { GraphEditor } from '../graphEditor.ts';

/**
 * Lets integer convolutions replace their codes by the entries of the table that alone reads them: the codes need not be
 * written and read in between.
 */
export function fuseLookups(editor: GraphEditor): void {
  for (const lookup of editor.nodes) {
    const table = lookup.attributes.get('table');
    if (lookup.domain !== 'cuanta' || lookup.operator !== 'Lookup' || table === undefined) continue;
    const [codes = ''] = lookup.inputs;
    const product = editor.maker(codes);
    const fits = product?.domain === 'cuanta' && product.operator === 'QLinearConv' && !product.attributes.has('table');
    if (!fits || !editor.onlyUser(codes)) continue;
    const { operator, domain, inputs } = product;
    const attributes = new Map([...product.attributes, ['table', table]]);
    editor.fuse([product, lookup], { operator, domain, inputs, outputs: lookup.outputs, attributes });
  }
}
