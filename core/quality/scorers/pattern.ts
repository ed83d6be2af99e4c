/** Longest pattern, and longest text it is tried on. */
const MAX_PATTERN = 500;
const MAX_TEXT = 2000;
/** Most parts whose number of repeats the text decides. */
const MAX_REPEATS = 4;
/** Most ways through the pattern that `?` and `|` leave. */
const MAX_WAYS = 4096;

/**
 * Says whether a pattern from a task file or a graph may be run. JavaScript's engine backtracks, so a pattern
 * whose time grows exponentially is refused by its form: a repeated group that itself repeats or chooses,
 * many choices one after the other, and references back. What is left grows as a small power of a short text;
 * `boundedWork` ends the rest. An engine that takes linear time (RE2) has no lookaheads, which filters of
 * lm-evaluation-harness need.
 * @returns one sentence why not, or null.
 */
export function patternProblem(pattern: string): string | null {
  if (pattern.length > MAX_PATTERN) return `the pattern is longer than ${MAX_PATTERN} characters`;
  try {
    new RegExp(pattern, 'u');
  } catch (error) {
    return `the pattern is not a regular expression: ${(error as Error).message}`;
  }
  if (/(?<!\\)(?:\\\\)*\\(?:k<|[1-9])/.test(pattern))
    return 'the pattern refers back to a group, which can take for ever';
  const { repeats, ways, nested } = new PatternReader(pattern).choices();
  if (nested) return 'the pattern repeats a group that repeats or chooses itself, which can take for ever';
  if (repeats > MAX_REPEATS) return `the pattern has ${repeats} repeats; ${MAX_REPEATS} are the most`;
  return ways > MAX_WAYS ? `the pattern has ${ways} ways by ? and |; ${MAX_WAYS} are the most` : null;
}

/** What a part of a pattern leaves open to an engine that backtracks. */
interface Form {
  /** Parts whose number the text decides: `*`, `+`, `{n,}` and `{n,m}`. */
  readonly repeats: number;
  /** Ways through it by `?` and `|`. */
  readonly ways: number;
  /** Something open is repeated in it. */
  readonly nested: boolean;
}

const CHARACTER: Form = { repeats: 0, ways: 1, nested: false };
const QUANTIFIER = /(?:([*+?])|\{\d+(?:(,)\d*)?\})\??/y;

/** Walks through a pattern that compiles with the flag `u`. */
class PatternReader {
  readonly #flat: string;
  #at = 0;

  constructor(pattern: string) {
    this.#flat = pattern
      .replace(/\\(?:[pPu]\{[^}]*\}|.)/gs, 'x')
      .replace(/\[[^\]]*\]/g, 'x')
      .replace(/\(\?(?:<?[=!]|<[^>]*>|[a-z-]*:)/g, '(');
  }

  /** Alternatives are tried one after another, so their ways add up. */
  choices(): Form {
    let whole = this.#sequence();
    while (this.#flat[this.#at] === '|') {
      this.#at += 1;
      const other = this.#sequence();
      whole = { ...joined(whole, other), ways: whole.ways + other.ways };
    }
    return whole;
  }

  #sequence(): Form {
    let whole = CHARACTER;
    while (this.#at < this.#flat.length && !'|)'.includes(this.#flat[this.#at]!))
      whole = joined(whole, this.#quantified(this.#part()));
    return whole;
  }

  #part(): Form {
    this.#at += 1;
    if (this.#flat[this.#at - 1] !== '(') return CHARACTER;
    const group = this.choices();
    this.#at += 1;
    return group;
  }

  #quantified(part: Form): Form {
    QUANTIFIER.lastIndex = this.#at;
    const found = QUANTIFIER.exec(this.#flat);
    if (found === null) return part;
    this.#at = QUANTIFIER.lastIndex;
    const [, sign, range] = found;
    if (sign === '?') return { ...part, ways: part.ways + 1 };
    const open = sign !== undefined || range !== undefined;
    const nested = part.nested || part.ways > 1 || part.repeats > 0;
    return { repeats: part.repeats + Number(open), ways: part.ways, nested };
  }
}

const joined = (one: Form, other: Form): Form => ({
  repeats: one.repeats + other.repeats,
  ways: one.ways * other.ways,
  nested: one.nested || other.nested,
});

/** @returns whether a checked pattern is found in the first 2000 characters of the text. */
export function matches(text: string, pattern: string): boolean {
  return new RegExp(pattern, 'u').test(text.slice(0, MAX_TEXT));
}
