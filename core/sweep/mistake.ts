/** Keys and indexes from the root of a sweep file. */
export type Path = readonly (string | number)[];

/** One thing that is wrong with a sweep file, where, and what was probably meant. */
export interface Mistake {
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

/** A mistake whose place in the text is not looked up yet. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  /** The word that was probably meant, as it would be written. */
  readonly suggestion: string | null;
  /** What to point at: the value, or the key itself when the key is the mistake. */
  readonly at: 'value' | 'key';
}

/** @returns the path as people write it: `spec.workloads[0].promptTokens`. */
export function pathText(path: Path): string {
  return path
    .map((step, i) => {
      if (typeof step === 'number') return `[${step}]`;
      const name = /^[A-Za-z_$][\w$-]*$/.test(step) ? step : JSON.stringify(step);
      return i === 0 ? name : `.${name}`;
    })
    .join('');
}
