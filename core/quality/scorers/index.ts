import { bleuCounts, bleuOf } from './bleu.js';
import { chrF, chrFWords } from './chrf.js';
import { type ExactMatch, exactMatch } from './exact-match.js';
import { lastNumber, numericMatch } from './numeric.js';
import { matches } from './pattern.js';
import { jsonKeysF1, jsonMatch, setF1, setMatch } from './structured.js';
import { rougeL, rougeN, squadNormal, tokenF1 } from './words.js';

export const SCORERS = [
  ...(['exact', 'exact_match', 'contains', 'regex', 'numeric', 'token-f1'] as const),
  ...(['set', 'set-f1', 'json', 'json-keys'] as const),
  ...(['bleu', 'rouge-1', 'rouge-2', 'rouge-l', 'chrf', 'chrf++'] as const),
] as const;
export type Scorer = (typeof SCORERS)[number];

/** `external:judge` is a command that the node's own config has under `judge`. */
export const EXTERNAL = 'external:';
export type ScorerName = Scorer | `${typeof EXTERNAL}${string}`;

/** @returns what a scorer is called in the node's config; null for one of our own. */
export function externalName(scorer: ScorerName): string | null {
  return scorer.startsWith(EXTERNAL) ? scorer.slice(EXTERNAL.length) : null;
}

export interface ScoringOptions {
  /** `numeric`: how far the number may be off, absolutely. */
  readonly tolerance: number;
  /** `exact_match`: what is left out before it compares; left out = nothing. */
  readonly exactMatch?: ExactMatch;
}

/**
 * Scores a generated answer against the best of its references. `exact` and `contains` compare SQuAD's normal
 * forms, so that case, punctuation and articles do not decide; for `regex` a reference is the pattern.
 * Scorers that reproduce another package take texts as they are, as that package does. The others take
 * Unicode's composed form (NFC), since a model may spell é in two ways.
 * @returns 0 to 1.
 */
export function score(
  scorer: ScorerName,
  answer: string,
  references: readonly string[],
  { tolerance, exactMatch: ignored }: ScoringOptions,
): number {
  // Character by character, as its name says elsewhere.
  if (scorer === 'exact_match')
    return Math.max(0, ...references.map((wanted) => exactMatch(answer, wanted, ignored)));
  const spelled = (text: string) => (AS_IT_IS.has(scorer) ? text : text.normalize('NFC'));
  const said = spelled(answer);
  const wanted = references.map(spelled);
  // n-grams of any reference count, each as often as the one that has it most.
  if (scorer === 'bleu') return wanted.length === 0 ? 0 : bleuOf(bleuCounts(said, wanted), true);
  return Math.max(0, ...wanted.map((reference) => scoreOne(scorer, said, reference, tolerance)));
}

/** These reproduce sacreBLEU, rouge-score and SQuAD to the last digit. */
const AS_IT_IS: ReadonlySet<ScorerName> = new Set<ScorerName>([
  'bleu',
  'chrf',
  'chrf++',
  'rouge-1',
  'rouge-2',
  'rouge-l',
  'token-f1',
]);

function scoreOne(scorer: ScorerName, answer: string, reference: string, tolerance: number): number {
  switch (scorer) {
    case 'exact':
      return Number(comparable(answer) === comparable(reference));
    case 'contains':
      return Number(contains(comparable(answer), comparable(reference)));
    case 'regex':
      return Number(matches(answer, reference));
    case 'numeric':
      return Number(numericMatch(answer, reference, tolerance));
    case 'token-f1':
      return tokenF1(answer, reference);
    case 'set':
      return setMatch(answer, reference);
    case 'set-f1':
      return setF1(answer, reference);
    case 'json':
      return jsonMatch(answer, reference);
    case 'json-keys':
      return jsonKeysF1(answer, reference);
    case 'rouge-1':
      return rougeN(answer, reference, 1);
    case 'rouge-2':
      return rougeN(answer, reference, 2);
    case 'rouge-l':
      return rougeL(answer, reference);
    case 'chrf':
      return chrF(answer, reference);
    case 'chrf++':
      return chrFWords(answer, reference);
    default:
      throw new Error(`${scorer} is scored by a command of the node`);
  }
}

/**
 * @returns what the first of these scorers that reads something in an answer reads there; null = it is
 *   compared as it stands, or has nothing.
 */
export function extracted(scorers: readonly ScorerName[], answer: string): string | null {
  const said = answer.normalize('NFC');
  for (const scorer of scorers) {
    if (scorer === 'numeric') return lastNumber(said)?.toString() ?? null;
    if (scorer === 'exact' || scorer === 'contains') return comparable(said);
  }
  return null;
}

/** Nothing is part of everything, so it is only found in nothing. */
function contains(answer: string, reference: string): boolean {
  return reference === '' ? answer === '' : answer.includes(reference);
}

/** An answer such as `+` or `The` has no normal form; then it is compared as it stands. */
function comparable(text: string): string {
  return squadNormal(text) || text.trim();
}
