/** What the command line prints: one JSON document or text for people on stdout, all else on stderr. */
/** Where a command reports to. */
export interface Reporter {
  /** Shows what is being done, on one line of stderr that is overwritten; nothing when stderr is no terminal. */
  progress(message: string): void;
  /** Says something on stderr that the user should know. The same thing is said once. */
  notice(message: string): void;
  /** Prints the result: as JSON when that was asked for, otherwise as text. */
  result(document: unknown, text: () => string): void;
  /** Prints an error; with JSON asked for, on stdout too, as `{"error": {"code", "message"}}`. */
  error(code: string, message: string): void;
}

const eraseLine = '\r\u001b[K';

/** @param json whether the result is to be JSON */
export function createReporter(json: boolean): Reporter {
  const said = new Set<string>();
  const isTerminal = process.stderr.isTTY === true;
  const erase = () => {
    if (isTerminal) process.stderr.write(eraseLine);
  };
  return {
    progress(message) {
      if (isTerminal) process.stderr.write(`${eraseLine}${message.slice(0, (process.stderr.columns || 80) - 1)}`);
    },
    notice(message) {
      if (said.has(message)) return;
      said.add(message);
      erase();
      process.stderr.write(`${message}\n`);
    },
    result(document, text) {
      erase();
      process.stdout.write(`${json ? JSON.stringify(document, undefined, 2) : text()}\n`);
    },
    error(code, message) {
      erase();
      process.stderr.write(`error[${code}]: ${message}\n`);
      if (json) process.stdout.write(`${JSON.stringify({ error: { code, message } }, undefined, 2)}\n`);
    },
  };
}
