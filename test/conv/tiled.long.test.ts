import { convolutionCases } from './cases.ts';
import { convolutionSuite } from './suite.ts';

for (const transposed of [false, true]) {
  for (const edge of [2, 4] as const) {
    convolutionSuite(`the tiled kernel of edge ${edge}${transposed ? ', transposed' : ''}`, convolutionCases, {
      kernel: 'tiled',
      transposed,
      edge,
      rolling: false,
      whole: false,
    });
  }
}
