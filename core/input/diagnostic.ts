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

/** Mistakes that are told; a reader of more would mend the first ones and ask again. */
export const MAX_DIAGNOSTICS = 100;

/** A mistake whose place in the text is not looked up yet. */
export interface UnlocatedDiagnostic {
  readonly path: Path;
  readonly message: string;
  /** The word that was probably meant, as it would be written. */
  readonly suggestion: string | null;
  /** What to point at: the value, or the key itself when the key is the mistake. */
  readonly at: 'value' | 'key';
}

/** Most characters of a key that a path shows. */
const MAX_STEP = 60;

/** @returns how many mistakes a file has, in words that stand before them. */
export function diagnosticCount(shown: number, more: number): string {
  const count = shown + more;
  const rest = more === 0 ? '' : ` (the first ${shown} are listed)`;
  return `${count} mistake${count === 1 ? '' : 's'}${rest}`;
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
