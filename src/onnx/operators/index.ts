import { OperatorTable } from '../../graph/operator.ts';
import { attentionOperators } from './attention.ts';
import { BatchNormalization } from './batchNormalization.ts';
import { binaryOperators } from './binary.ts';
import { castOperators } from './cast.ts';
import { Clip } from './clip.ts';
import { comparisonOperators } from './compare.ts';
import { constantOperators } from './constant.ts';
import { convolutionOperators } from './convolution.ts';
import { FusedElementwise } from './fusedElementwise.ts';
import { integerConvolutionOperators } from './integerConvolution.ts';
import { integerMatrixOperators } from './integerMatrix.ts';
import { layoutOperators } from './layout.ts';
import { MatMulNBits } from './matMulNBits.ts';
import { matrixOperators } from './matrix.ts';
import { normalizationOperators } from './normalize.ts';
import { poolingOperators } from './pooling.ts';
import { Pow } from './power.ts';
import { QLinearConcat } from './quantizedConcat.ts';
import { quantizedElementwiseOperators } from './quantizedElementwise.ts';
import { quantizedPoolingOperators } from './quantizedPooling.ts';
import { quantizationOperators } from './quantizeLinear.ts';
import { recurrentOperators } from './recurrent.ts';
import { reductionOperators } from './reduce.ts';
import { requantizedMatrixOperators } from './requantizedMatrix.ts';
import { resizeOperators } from './resize.ts';
import { selectOperators } from './select.ts';
import { shapeOperators } from './shape.ts';
import { unaryOperators } from './unary.ts';

/** Every operator that Cuanta computes. */
export const operators = new OperatorTable([
  ...constantOperators,
  ...shapeOperators,
  ...layoutOperators,
  ...selectOperators,
  ...resizeOperators,
  ...reductionOperators,
  ...normalizationOperators,
  ...unaryOperators,
  ...binaryOperators,
  ...comparisonOperators,
  ...castOperators,
  Pow,
  Clip,
  BatchNormalization,
  ...convolutionOperators,
  ...integerConvolutionOperators,
  FusedElementwise,
  ...poolingOperators,
  ...quantizedElementwiseOperators,
  ...quantizedPoolingOperators,
  QLinearConcat,
  ...matrixOperators,
  ...quantizationOperators,
  ...integerMatrixOperators,
  ...requantizedMatrixOperators,
  MatMulNBits,
  ...attentionOperators,
  ...recurrentOperators,
]);
