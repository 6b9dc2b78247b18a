/** What came of a conformance case. */
export interface CaseResult {
  readonly name: string;
  /** The operator that the case is about; `(several)` where its model is made of more than one. */
  readonly operator: string;
  /** Passed with at least one node on the GPU, or folded on the CPU since all was known; refused; or wrong. */
  readonly outcome: 'gpu' | 'cpu' | 'not applicable' | 'failed';
  /** Why it is not applicable, or what is wrong. */
  readonly reason: string;
}

/** The results operator by operator, in Markdown. */
export function resultsTable(results: readonly CaseResult[]): string {
  const operators = [...new Set(results.map(({ operator }) => operator))].sort();
  const rows = operators.map(
    (operator) => [operator, results.filter((result) => result.operator === operator)] as const,
  );
  const line = (name: string, cases: readonly CaseResult[], reasons: string) => {
    const count = (outcome: CaseResult['outcome']) => cases.filter((result) => result.outcome === outcome).length;
    const counts = [cases.length, count('gpu') + count('cpu'), count('cpu'), count('not applicable'), count('failed')];
    return `| ${name} | ${counts.join(' | ')} | ${reasons} |`;
  };
  return `# Conformance

The backend node tests of ONNX 1.12 in \`data/node.tar.gz\`, as \`node.node.test.ts\` ran them: imported and through \`model.run\`,
integers exactly equal, floats within a relative 1e-3 and an absolute 1e-7 (the tolerances of ONNX's runner). This page is written by
that test (\`npx vitest run test/conformance -u\`), which fails where it differs.

Inputs that must be known before a run, such as the scales of a Resize, are constants of the model where the case has them as
inputs. "On the CPU" are those of the passed whose inputs are all known before the run: constants, or integers of at most 16 elements.
"Not applicable" are those that Cuanta refuses with \`UnsupportedOperator\` or \`LimitExceeded\`.

| operator | cases | passed | on the CPU | not applicable | failed | why |
|---|---:|---:|---:|---:|---:|---|
${rows.map(([operator, cases]) => line(operator, cases, reasonsOf(cases))).join('\n')}
${line('**all**', results, '')}
`;
}

function reasonsOf(cases: readonly CaseResult[]): string {
  const namesByReason = new Map<string, string[]>();
  for (const { name, reason } of cases) {
    if (reason !== '') namesByReason.set(reason, [...(namesByReason.get(reason) ?? []), name]);
  }
  return [...namesByReason]
    .map(([reason, names]) => {
      const shown = names.length > 4 ? `${names.length} cases` : names.map((name) => `\`${name}\``).join(', ');
      return `${reason}${names.length === cases.length ? '' : ` (${shown})`}`;
    })
    .join('; ')
    .replaceAll('|', '\\|');
}
