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

/** Padded rows of every length around 8, which a tile has, so that the border is within every tile or between two. */
const aroundTiles = (taps: number) =>
  [1, 7, 8, 9, 19].map((width) => {
    const pads = [1, Math.floor(taps / 2)];
    const sizes = { batchCount: 1, groups: 3, inputChannels: 1, outputChannels: 2, input: [4, width] };
    return [`rows of ${width}`, { ...sizes, kernel: [3, taps], padsBefore: pads, padsAfter: pads }] as const;
  });
for (const taps of [3, 5] as const) {
  convolutionSuite(`the depthwise kernel with ${taps} taps written out`, aroundTiles(taps), {
    kernel: 'depthwise',
    transposed: false,
    edge: 4,
    rolling: taps,
    whole: false,
  });
}
