/**
 * The errors of Cuanta. Each cause has its own class and a stable `code`; each message says what happened, the actual
 * value against the allowed one, and what to do about it.
 */
export type ErrorCode =
  | 'UnsupportedAdapter'
  | 'LimitExceeded'
  | 'OutOfMemory'
  | 'DeviceLost'
  | 'ShaderError'
  | 'ShapeMismatch'
  | 'InvalidQuantization'
  | 'UnsupportedOperator'
  | 'MalformedModel'
  | 'DisposedTensor'
  | 'Aborted'
  | 'InvalidInput';

/** The base of every error that Cuanta throws on purpose. */
export abstract class CuantaError extends Error {
  /** Stable, machine-readable name of the cause. */
  abstract readonly code: ErrorCode;

  override get name(): string {
    return this.code;
  }
}

/** No WebGPU adapter, or one that lacks what was asked of it. */
export class UnsupportedAdapter extends CuantaError {
  readonly code = 'UnsupportedAdapter';
}

/** A size is beyond a limit of the adapter or of the arithmetic (for instance an i32 accumulator). */
export class LimitExceeded extends CuantaError {
  readonly code = 'LimitExceeded';
}

/** The GPU could not allocate a buffer. */
export class OutOfMemory extends CuantaError {
  readonly code = 'OutOfMemory';
}

/** The GPU device was lost (driver reset, GPU process crash) or its engine was closed. */
export class DeviceLost extends CuantaError {
  readonly code = 'DeviceLost';
}

/** A shader did not compile or a command did not validate: a defect of Cuanta or of the driver, not of the input. */
export class ShaderError extends CuantaError {
  readonly code = 'ShaderError';
}

/** The shapes of the operands do not fit together, or data does not fit its shape. */
export class ShapeMismatch extends CuantaError {
  readonly code = 'ShapeMismatch';
}

/** Quantization options or parameters outside their range, or used where they do not apply. */
export class InvalidQuantization extends CuantaError {
  readonly code = 'InvalidQuantization';
}

/** A model has operators, or variants of them, that Cuanta does not compute. The message lists all of them. */
export class UnsupportedOperator extends CuantaError {
  readonly code = 'UnsupportedOperator';
}

/** A model file or graph that is damaged or contradicts itself. */
export class MalformedModel extends CuantaError {
  readonly code = 'MalformedModel';
}

/** A tensor was used after `dispose()`. */
export class DisposedTensor extends CuantaError {
  readonly code = 'DisposedTensor';
}

/** The caller's `AbortSignal` fired. */
export class Aborted extends CuantaError {
  readonly code = 'Aborted';
}

/** Any other input that cannot be computed with: a non-finite number, a bad option, a malformed file. */
export class InvalidInput extends CuantaError {
  readonly code = 'InvalidInput';
}
