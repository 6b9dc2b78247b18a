import { integerKernelSuite } from './kernelSuite.ts';

integerKernelSuite('the matvec kernel', { kernel: { kernel: 'matvec', edge: 2 } }, 'packed');
integerKernelSuite('the matvec kernel', { kernel: { kernel: 'matvec', edge: 2 } }, 'unpacked');
integerKernelSuite(
  'the matvec kernel with 16 lanes a column',
  { kernel: { kernel: 'matvec', edge: 2, lanes: 16 } },
  'packed',
);
