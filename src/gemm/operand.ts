import type { Allocation } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import type { Attachment, QuantizedTensor } from '../quant/quantizedTensor.ts';
import { arrange } from './arrange.ts';
import type { CodeSource } from './codeSource.ts';
import type { Groups } from './groups.ts';
import { type ArrangedCodes, makeTerms, type Terms } from './terms.ts';

/** An operand of an integer product, in the form that the kernels read. */
export interface Operand extends ArrangedCodes {
  /** Bytes of the codes of all batches. */
  readonly byteCount: number;
  /** Rows of A, columns of B. */
  readonly rowCount: number;
  readonly depth: number;
  readonly rowVectors: number;
  readonly groups: Groups;
  readonly terms: Terms;
}

/** An operand that is held until its product is recorded. */
export interface HeldOperand {
  readonly operand: Operand;
  release(): void;
}

const flipMask = 0x80808080;

/** The codes themselves where they lie as the kernels read them, else nothing. */
function codesInPlace(source: CodeSource, groups: Groups, flips: boolean): ArrangedCodes | undefined {
  if (!source.direct || groups.padded || !(source.signed || flips)) return undefined;
  return { codes: source.codes, flip: source.signed ? 0 : flipMask };
}

function operandOf(source: CodeSource, arranged: ArrangedCodes, groups: Groups, terms: Terms): Operand {
  const { rowVectors } = groups;
  const byteCount = source.batchCount * source.rowCount * rowVectors * 16;
  return { ...arranged, byteCount, rowCount: source.rowCount, depth: source.depth, rowVectors, groups, terms };
}

/**
 * The left operand of a product, made for it alone.
 * @param summed whether the right operand has zero points.
 */
export function prepareLeft(engine: Engine, source: CodeSource, groups: Groups, summed: boolean): HeldOperand {
  const inPlace = codesInPlace(source, groups, true);
  const arranged = inPlace ?? { codes: arrange(engine, source, groups), flip: 0 };
  const terms = makeTerms(engine, source, arranged, groups, summed);
  return {
    operand: operandOf(source, arranged, groups, terms),
    release: () => {
      terms.allocation.release();
      if (!inPlace) arranged.codes.release();
    },
  };
}

/** What is kept of the forms of a right operand for products, as long as it lives. */
export class PreparedWeights implements Attachment {
  readonly #codes = new Map<number, Allocation>();
  readonly #terms = new Map<number, Terms>();

  codes(key: number, make: () => Allocation): Allocation {
    const codes = this.#codes.get(key) ?? make();
    this.#codes.set(key, codes);
    return codes;
  }

  terms(key: number, make: () => Terms): Terms {
    const terms = this.#terms.get(key) ?? make();
    this.#terms.set(key, terms);
    return terms;
  }

  dispose(): void {
    for (const codes of this.#codes.values()) codes.release();
    for (const terms of this.#terms.values()) terms.allocation.release();
  }
}

const preparedKey = Symbol('form of a right operand');

/** What is kept with a quantized tensor. */
export function preparedOf(tensor: QuantizedTensor): PreparedWeights {
  const attached = tensor.attachment(preparedKey);
  if (attached instanceof PreparedWeights) return attached;
  const prepared = new PreparedWeights();
  tensor.attach(preparedKey, prepared);
  return prepared;
}

/**
 * The right operand of a product. What is made of 8-bit weights stays with them for the next product: a transposed copy
 * unless they have the layout `columns`, and the sums of the columns. Weights of fewer bits are there to save memory, so
 * their copy in bytes is made for each product and given back; the sums of whole columns are small and stay.
 * @param prepared what is kept with the operand; nothing where it is there for a single product.
 * @param summed whether the left operand has zero points.
 */
export function prepareRight(
  engine: Engine,
  prepared: PreparedWeights | undefined,
  source: CodeSource,
  groups: Groups,
  summed: boolean,
): HeldOperand {
  const keepsCodes = prepared !== undefined && source.bits === 8;
  const keepsTerms = prepared !== undefined && (keepsCodes || groups.count === 1);
  const inPlace = codesInPlace(source, groups, false);
  const makeCodes = (): Allocation => arrange(engine, source, groups);
  const codesKey = groups.padded ? groups.size : 0;
  const codes = inPlace?.codes ?? (keepsCodes ? prepared.codes(codesKey, makeCodes) : makeCodes());
  const arranged = { codes, flip: 0 };
  const terms = keepsTerms
    ? prepared.terms(groups.size, () => makeTerms(engine, source, arranged, groups, true))
    : makeTerms(engine, source, arranged, groups, summed);
  return {
    operand: operandOf(source, arranged, groups, terms),
    release: () => {
      if (!keepsTerms) terms.allocation.release();
      if (!inPlace && !keepsCodes) codes.release();
    },
  };
}
