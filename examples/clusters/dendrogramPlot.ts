import type { Dendrogram } from '../../src/index.ts';
import { makeSvg } from '../shared/elements.ts';
import { chartFrame, showChart } from './curve.ts';

/** The last merges that are drawn; what was merged before counts as a leaf. */
const mostMerges = 40;

/** Draws the last merges of a hierarchy, and the height at which it falls into so many clusters. */
export function drawDendrogram(drawing: SVGSVGElement, hierarchy: Dendrogram, clusters: number): void {
  const { children, distances, leafCount } = hierarchy;
  const merges = distances.length;
  const first = Math.max(merges - mostMerges, 0);
  const top = distances[merges - 1] ?? 0;
  const title = `The last ${Math.min(merges, mostMerges)} merges, by their heights`;
  const { x, y, shapes } = chartFrame(title, '', [-0.5, merges - first + 0.5], [0, top * 1.04 || 1]);
  // Leaves have places from left to right; a merge stands above the middle of its parts.
  let leaves = 0;
  const place = (node: number): { readonly across: number; readonly height: number } => {
    const merge = node - leafCount;
    if (merge < first) {
      leaves++;
      return { across: leaves - 1, height: 0 };
    }
    const [left, right] = [place(children[merge * 2] as number), place(children[merge * 2 + 1] as number)];
    const height = distances[merge] as number;
    const path = `M${x(left.across)} ${y(left.height)}V${y(height)}H${x(right.across)}V${y(right.height)}`;
    // Merges that the cut undoes.
    shapes.push(makeSvg('path', { d: path, class: merge >= leafCount - clusters ? 'merge undone' : 'merge' }));
    return { across: (left.across + right.across) / 2, height };
  };
  place(leafCount + merges - 1);
  const [below, above] = [distances[leafCount - clusters - 1] ?? 0, distances[leafCount - clusters] ?? top * 1.04];
  const cut = y((below + above) / 2);
  const [from, to] = [x(-0.5), x(merges - first + 0.5)];
  shapes.push(
    makeSvg('line', { x1: from, x2: to, y1: cut, y2: cut, class: 'level' }),
    makeSvg(
      'text',
      { x: to, y: cut - 4, 'text-anchor': 'end', class: 'pointed' },
      clusters === 1 ? '1 cluster' : `${clusters} clusters`,
    ),
  );
  showChart(drawing, title, shapes);
}
