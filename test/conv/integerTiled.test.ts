import { integerCases } from './integerCases.ts';
import { integerConvolutionSuite } from './integerSuite.ts';

integerConvolutionSuite('the integer tiled kernel, 16 channels', integerCases, {
  kernel: 'tiled',
  rolling: false,
  whole: false,
  channels: 16,
  edge: 2,
});
