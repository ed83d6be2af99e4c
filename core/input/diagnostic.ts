/** Keys and indexes from the root of a sweep file. */
export type Path = readonly (string | number)[];

/** One thing that is wrong with a sweep file, where, and what was probably meant. */
export interface Diagnostic {
  /** `spec.workloads[0].promptTokens`; empty for the file as a whole. */
  readonly path: string;
  /** 1-based. */
  readonly line: number;
  readonly column: number;
  /** One sentence: what is wrong and what to write instead. */
  readonly message: string;
  /** `did you mean flashAttention?`; null when there is no good guess. */
  readonly suggestion: string | null;
}

/** Errors that are reported; whoever has more mends the first ones and asks again. */
export const MAX_DIAGNOSTICS = 100;

/** An error whose place in the text is not looked up yet. */
export interface UnlocatedDiagnostic {
  readonly path: Path;
  readonly message: string;
  /** The word that was probably meant, as it would be written. */
  readonly suggestion: string | null;
  /** What to point at: the value, or the key itself when the key is the error. */
  readonly at: 'value' | 'key';
}

/** Most characters of a key that a path shows. */
const MAX_STEP = 60;

/** @returns what is wrong with a file as a whole. */
export function ofWhole(message: string): Diagnostic {
  return { path: '', line: 1, column: 1, message, suggestion: null };
}

/** @returns how many errors a file has, in words that stand before them. */
export function diagnosticCount(shown: number, more: number): string {
  const count = shown + more;
  const rest = more === 0 ? '' : ` (the first ${shown} are listed)`;
  return `${count} error${count === 1 ? '' : 's'}${rest}`;
}

/**
 * Says all that is wrong with a file, a line each as editors and CI parse it:
 * `sweep.yaml:12:7 spec.runners[0].fa: … (did you mean …?)`. What is wrong with the file as a whole is one
 * sentence, without a count.
 * @param more how many diagnostics there are besides
 */
export function fileReport(file: string, diagnostics: readonly Diagnostic[], more: number): string {
  const [first, second] = diagnostics;
  const ofWhole = first?.path === '' && first.line === 1 && first.column === 1;
  if (ofWhole && second === undefined && more === 0) return `${file}: ${first.message}`;
  const lines = diagnostics.map(({ path, line, column, message, suggestion }) => {
    const where = path === '' ? '' : `${path}: `;
    const guess = suggestion === null ? '' : ` (${suggestion})`;
    return `${file}:${line}:${column} ${where}${message}${guess}`;
  });
  return [`${diagnosticCount(diagnostics.length, more)} in ${file}`, ...lines].join('\n');
}

/** @returns the path as people write it: `spec.workloads[0].promptTokens`. */
export function pathText(path: Path): string {
  return path
    .map((step, i) => {
      if (typeof step === 'number') return `[${step}]`;
      const short = step.length > MAX_STEP ? `${step.slice(0, MAX_STEP)}…` : step;
      const name = /^[A-Za-z_$][\w$-]*$/.test(short) ? short : JSON.stringify(short);
      return i === 0 ? name : `.${name}`;
    })
    .join('');
}
