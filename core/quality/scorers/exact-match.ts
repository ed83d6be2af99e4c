/** What `exact_match` leaves out before it compares, of answer and reference alike. */
export interface ExactMatch {
  readonly regexesToIgnore?: readonly { readonly pattern: string; readonly flags: string }[];
  readonly ignoreCase?: boolean;
  /** ASCII punctuation, as Python's `string.punctuation`. */
  readonly ignorePunctuation?: boolean;
  readonly ignoreNumbers?: boolean;
}

/** lm-evaluation-harness's `exact_match`: equal, character by character. @returns 0 or 1. */
export function exactMatch(answer: string, reference: string, ignored: ExactMatch = {}): number {
  return Number(compared(answer, ignored) === compared(reference, ignored));
}

function compared(
  text: string,
  { regexesToIgnore = [], ignoreCase, ignorePunctuation, ignoreNumbers }: ExactMatch,
): string {
  let left = text;
  for (const { pattern, flags } of regexesToIgnore) left = left.replace(new RegExp(pattern, `g${flags}`), '');
  if (ignoreCase === true) left = left.toLowerCase();
  if (ignorePunctuation === true) left = left.replace(/[!-/:-@[-`{-~]/g, '');
  return ignoreNumbers === true ? left.replace(/[0-9]/g, '') : left;
}
