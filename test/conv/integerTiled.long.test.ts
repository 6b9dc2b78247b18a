import { integerCases } from './integerCases.ts';
import { integerConvolutionSuite } from './integerSuite.ts';

for (const edge of [2, 4] as const) {
  integerConvolutionSuite(`the integer tiled kernel, 64 channels, edge ${edge}`, integerCases, {
    kernel: 'tiled',
    rolling: false,
    whole: false,
    channels: 64,
    edge,
  });
}
