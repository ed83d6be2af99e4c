/** How likely a model finds one option as the continuation of its prompt. */
export interface OptionLikelihood {
  /** ln p of the option's tokens, given the prompt. */
  readonly logProbability: number;
  readonly tokens: number;
  /** UTF-8 bytes of the option. */
  readonly bytes: number;
  /** Unicode code points of it; left out = nobody asks for them. */
  readonly characters?: number;
  /** Whether greedy decoding would say it; left out = nobody looked. */
  readonly greedy?: boolean;
}

/**
 * `sum` is lm-evaluation-harness's acc, `perByte` its acc_norm for ASCII; `perToken` is llama-perplexity's.
 */
export const CHOICE_RULES = ['sum', 'perToken', 'perByte'] as const;
/** `perCharacter` is lm-evaluation-harness's acc_norm; `greedy` takes what greedy decoding would say. */
export type ChoiceRule = (typeof CHOICE_RULES)[number] | 'perCharacter' | 'greedy';

/** A score of options, and the rule by which it takes one. */
export interface ChoiceScore {
  readonly name: string;
  readonly rule: ChoiceRule;
}

const LENGTHS = {
  sum: () => 1,
  perToken: ({ tokens }: OptionLikelihood) => tokens,
  perByte: ({ bytes }: OptionLikelihood) => bytes,
  perCharacter: ({ characters }: OptionLikelihood) => characters ?? 1,
};

/**
 * @returns the option with the largest log-likelihood by a rule; the first of equals. null = none is
 *   (`greedy`).
 */
export function chosen(options: readonly OptionLikelihood[], rule: ChoiceRule): number | null {
  if (rule === 'greedy') {
    const said = options.findIndex(({ greedy }) => greedy === true);
    return said < 0 ? null : said;
  }
  const merit = (option: OptionLikelihood) => option.logProbability / Math.max(1, LENGTHS[rule](option));
  let best = 0;
  options.forEach((option, i) => {
    if (merit(option) > merit(options[best]!)) best = i;
  });
  return best;
}

/** @returns A, B, C, …: the letters that options are called by. */
export function letterOf(index: number): string {
  return String.fromCharCode(65 + index);
}

/**
 * @returns the option whose letter an answer names: the first that stands alone, as in ` B` or `(B) because`;
 *   null = none.
 */
export function saidLetter(answer: string, options: number): number | null {
  for (const [, letter = ''] of answer.matchAll(/(?<![\p{L}\p{N}])([A-Z])(?![\p{L}\p{N}])/gu)) {
    const index = letter.charCodeAt(0) - 65;
    if (index < options) return index;
  }
  return null;
}
