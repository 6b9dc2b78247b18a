import { integerKernelSuite } from './kernelSuite.ts';

integerKernelSuite('the register kernel', { kernel: { kernel: 'register', edge: 8 } }, 'unpacked');
