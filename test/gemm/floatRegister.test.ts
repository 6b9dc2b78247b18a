import { floatKernelSuite } from './floatSuite.ts';

floatKernelSuite('the f32 register kernel', { kernel: { kernel: 'register', edge: 8 } });
