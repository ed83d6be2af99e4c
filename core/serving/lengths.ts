import { quote } from '../quote.js';

/** Of prompts or answers, in tokens. */
export type Lengths =
  | { readonly kind: 'fixed'; readonly tokens: number }
  /** Every whole number in the range is equally likely, including both ends. */
  | { readonly kind: 'uniform'; readonly from: number; readonly to: number }
  | { readonly kind: 'normal'; readonly mean: number; readonly deviation: number }
  /** The logarithm has a normal distribution around that of the median. */
  | { readonly kind: 'lognormal'; readonly median: number; readonly sigma: number };

const FORMS = '256, uniform:64..256, normal:256,64 or lognormal:256,0.5';
/** No model has a longer context; the limit keeps a typing error from filling the memory. */
const LONGEST = 10_000_000;
/** Limit of the logarithm's standard deviation; beyond it lengths would differ by factors of a thousand. */
const WIDEST_SIGMA = 3;

/**
 * Reads lengths as sweeps write them: `256`, `uniform:64..256`, `normal:256,64` (mean, standard deviation),
 * `lognormal:256,0.5` (median, standard deviation of the logarithm).
 * @returns lengths, or a sentence about what is wrong.
 */
export function parseLengths(written: string | number): Lengths | string {
  const text = String(written).trim();
  const [, kind = 'fixed', rest = ''] = /^(?:([a-z]+):)?(.*)$/s.exec(text) ?? [];
  const wrong = (why: string) => `${quote(text)} is no length: ${why}.`;
  const numbers = rest.split(kind === 'uniform' ? '..' : ',').map((part) => part.trim());
  if (!['fixed', 'uniform', 'normal', 'lognormal'].includes(kind)) return wrong(`write ${FORMS}`);
  if (numbers.length !== (kind === 'fixed' ? 1 : 2)) return wrong(`write ${FORMS}`);
  const unread = numbers.find((part) => !/^\d+(\.\d+)?$/.test(part));
  if (unread !== undefined) return wrong(`${quote(unread)} is no number; write ${FORMS}`);
  const [first = 0, second = 0] = numbers.map(Number);
  if (first < 1 || first > LONGEST) return wrong(`it has to be between 1 and ${LONGEST} tokens`);
  if (kind === 'lognormal') {
    if (second > WIDEST_SIGMA)
      return wrong(`the deviation of its logarithm has to be at most ${WIDEST_SIGMA}`);
    return { kind, median: first, sigma: second };
  }
  if (kind === 'normal') {
    if (second > first)
      return wrong('the deviation is more than the mean, so lengths below 0 would be common');
    return { kind, mean: first, deviation: second };
  }
  if (!Number.isInteger(first) || !Number.isInteger(second)) return wrong('tokens are whole');
  if (kind === 'fixed') return { kind, tokens: first };
  if (second < first || second > LONGEST) return wrong(`the end has to be between ${first} and ${LONGEST}`);
  return { kind: 'uniform', from: first, to: second };
}

/**
 * Draws a length, at least 1.
 * @param uniform returns random numbers in [0, 1).
 */
export function drawLength(lengths: Lengths, uniform: () => number): number {
  const wholeTokens = (tokens: number) => Math.min(LONGEST, Math.max(1, Math.round(tokens)));
  switch (lengths.kind) {
    case 'fixed':
      return lengths.tokens;
    case 'uniform':
      return lengths.from + Math.floor(uniform() * (lengths.to - lengths.from + 1));
    case 'normal':
      return wholeTokens(lengths.mean + lengths.deviation * normal(uniform));
    case 'lognormal':
      return wholeTokens(lengths.median * Math.exp(lengths.sigma * normal(uniform)));
  }
}

/** @returns the mean number of tokens, without the effect of rounding and limits in drawing. */
export function meanLength(lengths: Lengths): number {
  switch (lengths.kind) {
    case 'fixed':
      return lengths.tokens;
    case 'uniform':
      return (lengths.from + lengths.to) / 2;
    case 'normal':
      return lengths.mean;
    case 'lognormal':
      return lengths.median * Math.exp(lengths.sigma ** 2 / 2);
  }
}

/** Box and Muller. */
function normal(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
