import { OperatorTable } from '../../graph/operator.ts';

/** Every operator that Cuanta computes. */
export const operators = new OperatorTable([]);
