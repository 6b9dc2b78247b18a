import { floatKernelSuite } from './floatSuite.ts';

floatKernelSuite('the tiled f32 kernel of edge 2', { kernel: { kernel: 'tiled', edge: 2 } });
floatKernelSuite('the tiled f32 kernel of edge 4', { kernel: { kernel: 'tiled', edge: 4 } });
