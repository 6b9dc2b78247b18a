import { convolutionCases } from './cases.ts';
import { convolutionSuite } from './suite.ts';

// Groups of one channel leave most of a tile empty, and are slow for it: tiled.long.test.ts has them.
const cases = convolutionCases.filter(([, { inputChannels }]) => inputChannels > 1);
const common = { kernel: 'tiled', rolling: false, whole: false } as const;

convolutionSuite('the tiled kernel of edge 4', cases, { ...common, transposed: false, edge: 4 });
convolutionSuite('the tiled kernel of edge 2, transposed', cases, { ...common, transposed: true, edge: 2 });
