import { OperatorTable } from '../../graph/operator.ts';
import { constantOperators } from './constant.ts';
import { convolutionOperators } from './convolution.ts';
import { layoutOperators } from './layout.ts';
import { normalizationOperators } from './normalize.ts';
import { poolingOperators } from './pooling.ts';
import { reductionOperators } from './reduce.ts';
import { selectOperators } from './select.ts';
import { shapeOperators } from './shape.ts';

/** Every operator that Cuanta computes. */
export const operators = new OperatorTable([
  ...constantOperators,
  ...shapeOperators,
  ...layoutOperators,
  ...selectOperators,
  ...reductionOperators,
  ...normalizationOperators,
  ...convolutionOperators,
  ...poolingOperators,
]);
