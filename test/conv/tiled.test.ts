import { convolutionCases } from './cases.ts';
import { convolutionSuite } from './suite.ts';

for (const [transposed, edge] of [
  [false, 4],
  [true, 2],
] as const) {
  convolutionSuite(`the tiled kernel of edge ${edge}${transposed ? ', transposed' : ''}`, convolutionCases, {
    kernel: 'tiled',
    transposed,
    edge,
    rolling: false,
    whole: false,
  });
}
