import { depthwiseCases } from './integerCases.ts';
import { integerConvolutionSuite } from './integerSuite.ts';

const common = { kernel: 'depthwise', channels: 64, edge: 2, whole: false } as const;
integerConvolutionSuite('the integer depthwise kernel', depthwiseCases, { ...common, rolling: false });
integerConvolutionSuite(
  'the integer depthwise kernel with rolling rows',
  depthwiseCases.filter(([, { strides, dilations }]) => !strides && !dilations),
  { ...common, rolling: true },
);
