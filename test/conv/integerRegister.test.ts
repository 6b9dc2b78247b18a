import { integerCases } from './integerCases.ts';
import { integerConvolutionSuite } from './integerSuite.ts';

const common = { kernel: 'register', channels: 64, edge: 2, rolling: false } as const;
integerConvolutionSuite('the integer register kernel', integerCases, { ...common, whole: false });
integerConvolutionSuite(
  'the integer register kernel without checks',
  integerCases.filter(([, { padsBefore, padsAfter }]) => !padsBefore && !padsAfter),
  { ...common, whole: true },
);
