import { convolutionCases } from './cases.ts';
import { convolutionSuite } from './suite.ts';

for (const transposed of [false, true]) {
  convolutionSuite(`the register kernel${transposed ? ', transposed' : ''}`, convolutionCases, {
    kernel: 'register',
    transposed,
    edge: 4,
    rolling: false,
    whole: false,
  });
}

convolutionSuite(
  'the register kernel without checks',
  convolutionCases.filter(([, { padsBefore }]) => !padsBefore),
  { kernel: 'register', transposed: false, edge: 4, rolling: false, whole: true },
);
