import { convolutionCases } from './cases.ts';
import { convolutionSuite } from './suite.ts';

const oneChannel = convolutionCases.filter(([, { inputChannels }]) => inputChannels === 1);
const rows = oneChannel.filter(([, { strides, dilations }]) => !strides && !dilations);

convolutionSuite('the depthwise kernel', oneChannel, {
  kernel: 'depthwise',
  transposed: false,
  edge: 4,
  rolling: false,
  whole: false,
});
convolutionSuite('the depthwise kernel with rolling rows', rows, {
  kernel: 'depthwise',
  transposed: false,
  edge: 4,
  rolling: true,
  whole: false,
});
