/**
 * Jobs: the computing work of the command line, written so that the same function runs in Node on Dawn and in a page in
 * Chrome.
 */

import * as errors from '../../base/errors.ts';
import { CuantaError } from '../../base/errors.ts';
import type { Engine } from '../../gpu/engine.ts';
import type { BytesFrom } from '../../io/byteSource.ts';

/** What a job gets beside its parameters. */
export interface JobContext {
  /** Files that it reads, by name. */
  readonly inputs: Readonly<Record<string, Uint8Array>>;
  /** Files that it reads piece by piece, by name; none unless given. */
  readonly sources?: Readonly<Record<string, BytesFrom>>;
  /** Told what the job is doing, in a few words. */
  readonly onProgress?: (message: string) => void;
  /** Takes a file before the job ends, in place of what it took by that name before. */
  readonly onFile?: (name: string, bytes: Uint8Array) => void | Promise<void>;
  /** Ends the job early, with `Aborted`. */
  readonly signal?: AbortSignal;
}

/** What a job hands back. */
export interface JobResult<Report> {
  /** Plain data that survives JSON. */
  readonly report: Report;
  /** Files that it writes, by name; none unless given. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

/** A piece of computing work. Parameters and report are plain data. */
export interface Job<Parameters, Report> {
  /** Its name within the page. */
  readonly name: string;
  /** The page in which it runs in Chrome, below `dist/pages`. */
  readonly page: string;
  readonly run: (engine: Engine, parameters: Parameters, context: JobContext) => Promise<JobResult<Report>>;
}

/** An error as plain data, to cross from a page to Node. */
export interface ErrorDescription {
  /** The code of a `CuantaError`; `Internal` for any other. */
  readonly code: string;
  readonly message: string;
  /** Where an internal error arose. */
  readonly stack?: string;
}

/** An error as plain data. */
export function describeError(error: unknown): ErrorDescription {
  if (error instanceof CuantaError) return { code: error.code, message: error.message };
  if (!(error instanceof Error)) return { code: 'Internal', message: String(error) };
  return { code: 'Internal', message: error.message, ...(error.stack !== undefined && { stack: error.stack }) };
}

/** The error that was described, as an instance of the same class of Cuanta. */
export function reviveError({ code, message, stack }: ErrorDescription): Error {
  // Each class of errors.ts is named as its code.
  const Class = Reflect.get(errors, code) as (new (message: string) => CuantaError) | undefined;
  if (Class) return new Class(message);
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
