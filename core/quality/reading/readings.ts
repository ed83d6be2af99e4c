import { externalName, type ScoringOptions, score } from '../scorers/index.js';
import type { AskingOptions, Extract } from '../tasks/asking.js';
import { readBy, type Step, type StepContext } from './steps.js';

/** One way to read what was said to an item: what each scorer is then given. */
export interface Reading {
  /** Its scores are called `scorer,name`; null = by the scorer alone. */
  readonly name: string | null;
  readonly steps: readonly Step[];
  /**
   * The score is the chance that one of so many answers is right (a score of 0.5 or more); left out = it is
   * their mean.
   */
  readonly pass?: number;
}

/** What readings follow from. */
type Asked = Pick<AskingOptions, 'votes' | 'passes' | 'extract' | 'samples'>;

/** @returns how answers to a task of ours are read: one by one, by votes, and for pass@k. */
export function readingsOf({ extract = null, samples = 1, votes, passes = [] }: Asked): readonly Reading[] {
  const steps = extract === null ? [] : [stepOf(extract)];
  const voting = samples === 1 ? [] : (votes ?? [samples]).filter((k) => k <= samples);
  return [
    { name: null, steps },
    ...voting.map((k): Reading => {
      const few: Step = { do: 'firstFew', count: k };
      return { name: `maj@${k}`, steps: [few, ...steps, { do: 'vote', skipEmpty: true }] };
    }),
    ...passes.filter((k) => k <= samples).map((k): Reading => ({ name: `pass@${k}`, steps, pass: k })),
  ];
}

function stepOf(extract: Extract): Step {
  if (typeof extract === 'string') return { do: extract };
  if ('json' in extract) return { do: 'json', field: extract.json };
  const select = extract.take === 'last' ? -1 : 0;
  return { do: 'regex', pattern: extract.regex, flags: 'u', select, fallback: '' };
}

const scoreName = (scorer: string, { name }: Reading) => (name === null ? scorer : `${scorer},${name}`);

/** How generated answers are read and scored. */
export interface Scoring extends ScoringOptions {
  readonly scorers: readonly Parameters<typeof score>[0][];
}

/** A score: what it is called, who gives it, and what is read for it. */
interface NamedScore {
  readonly name: string;
  readonly scorer: Scoring['scorers'][number];
  readonly reading: Reading;
}

/** What the node's own scorers are given: answers as they stand, each by itself. */
const isGiven = (scorer: Scoring['scorers'][number], { name, pass }: Reading) =>
  externalName(scorer) === null || name === null || pass !== undefined;

/** @returns all scores; scorers of the node score every answer as it stands. */
export function scoresGiven(
  { scorers }: Pick<Scoring, 'scorers'>,
  readings: readonly Reading[],
): NamedScore[] {
  return readings.flatMap((reading) =>
    scorers
      .filter((scorer) => isGiven(scorer, reading))
      .map((scorer) => ({ name: scoreName(scorer, reading), scorer, reading })),
  );
}

/** @returns the names of all scores. */
export function scoreNames(scoring: Pick<Scoring, 'scorers'>, readings: readonly Reading[]): string[] {
  return scoresGiven(scoring, readings).map(({ name }) => name);
}

export interface ReadAnswers {
  /** By the name of a score, 0 to 1; null = a command will judge it. */
  readonly scores: Readonly<Record<string, number | null>>;
  /** By the name of a reading ('' = the one without), what it scores; of several answers the first. */
  readonly read: Readonly<Record<string, string>>;
}

/** Reads what was said to an item, and scores it against the best of its references. */
export function scoredReadings(
  readings: readonly Reading[],
  answers: readonly string[],
  references: readonly string[],
  scoring: Scoring,
  context: StepContext,
): ReadAnswers {
  const scores: Record<string, number | null> = {};
  const read: Record<string, string> = {};
  for (const reading of readings) {
    const texts = readBy(reading.steps, answers, context);
    read[reading.name ?? ''] = texts[0] ?? '';
    for (const scorer of scoring.scorers) {
      const own = externalName(scorer) === null;
      if (!isGiven(scorer, reading)) continue;
      const each = own ? texts.map((text) => score(scorer, text, references, scoring)) : [];
      scores[scoreName(scorer, reading)] = own ? combinedScore(each, reading.pass) : null;
    }
  }
  return { scores, read };
}

/** @returns one score of several answers to an item: their mean, or pass@k. */
export function combinedScore(scores: readonly number[], pass: number | undefined): number {
  if (scores.length === 0) return 0;
  if (pass === undefined) return scores.reduce((sum, value) => sum + value, 0) / scores.length;
  const right = scores.filter((value) => value >= 0.5).length;
  return passAtK(scores.length, right, pass) ?? 0;
}

/**
 * The chance that at least one of k answers is right, of n drawn answers of which c are (Chen et al.,
 * "Evaluating Large Language Models Trained on Code", 2021, arXiv 2107.03374, eq. 1): 1 − C(n − c, k) / C(n,
 * k), as 1 − Π_{i = n − c + 1 … n} (1 − k / i), which does not overflow.
 * @returns null for fewer than k answers: nothing follows from them.
 */
export function passAtK(n: number, c: number, k: number): number | null {
  if (n < k) return null;
  if (n - c < k) return 1;
  let none = 1;
  for (let i = n - c + 1; i <= n; i++) none *= 1 - k / i;
  return 1 - none;
}
