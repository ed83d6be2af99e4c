import type { JudgeDefinition } from './definition.js';

/** What one game ended with, of the answer that was shown first. */
export type Verdict = 'A>>B' | 'A>B' | 'A=B' | 'B>A' | 'B>>A';

const SPELLINGS: Readonly<Record<string, Verdict>> = {
  'A>>B': 'A>>B',
  'A>B': 'A>B',
  'A=B': 'A=B',
  'B=A': 'A=B',
  'B>A': 'B>A',
  'B>>A': 'B>>A',
  'A<B': 'B>A',
  'A<<B': 'B>>A',
  'B<A': 'A>B',
  'B<<A': 'A>>B',
  A: 'A>B',
  B: 'B>A',
  C: 'A=B',
};

/**
 * @returns the last verdict in a judge's words; null = there is none (Arena-Hard's `\[\[([AB<>=]+)\]\]`;
 *   JudgeLM's and MT-bench's `[[A]]`, `[[B]]`, `[[C]]`, too).
 */
export function verdictIn(text: string): Verdict | null {
  const found = [...text.matchAll(/\[\[([ABC<>=]+)\]\]/g)].at(-1)?.[1];
  return found === undefined ? null : (SPELLINGS[found] ?? null);
}

/** Two games about the same two answers, in either order. */
export interface Games {
  /** 1 = the answer wins, 0.5 = a tie, 0 = the other one does. */
  readonly score: number;
  /** Whether the place decided: another answer won when they changed places, or a tie became a win. */
  readonly flipped: boolean;
}

/** Games that a strong verdict counts for (Arena-Hard). */
const STRONG = 3;

/**
 * @param shownFirst the verdict with the answer as A. @param shownSecond that with the answer as B.
 * @param how `consistent`: who wins both wins, else it is a tie (MT-bench, Zheng et al. 2023); `weighted`:
 *   the mean of both, strong verdicts counted three times (Arena-Hard).
 */
export function gamesOf(shownFirst: Verdict, shownSecond: Verdict, how: JudgeDefinition['games']): Games {
  const games = [
    { verdict: shownFirst, wins: pointsOfA(shownFirst) },
    { verdict: shownSecond, wins: 1 - pointsOfA(shownSecond) },
  ];
  const [first, second] = games.map(({ wins }) => wins);
  const flipped = first !== second;
  if (how === 'consistent') return { score: flipped ? 0.5 : first!, flipped };
  const weight = ({ verdict }: (typeof games)[number]) => (verdict.includes('>>') ? STRONG : 1);
  const total = games.reduce((sum, game) => sum + weight(game), 0);
  return { score: games.reduce((sum, game) => sum + weight(game) * game.wins, 0) / total, flipped };
}

const pointsOfA = (verdict: Verdict) => (verdict === 'A=B' ? 0.5 : Number(verdict.startsWith('A')));

/**
 * Reads the grade that a judge wrote.
 * @returns 0 to 1 by the scale; or why there is none, the end of a sentence.
 */
export function gradeIn(
  text: string,
  reads: Exclude<JudgeDefinition['reads'], string>,
  [from, to]: readonly [number, number],
): number | string {
  const grade = 'field' in reads ? fieldIn(text, reads.field) : lastOf(text, reads.pattern);
  if (grade === null) return `there is no ${'field' in reads ? reads.field : 'grade'} in what it said`;
  if (grade < from || grade > to) return `its grade ${grade} is not from ${from} to ${to}`;
  return (grade - from) / (to - from);
}

/**
 * Of an object of JSON or Python, in whatever quotes; the last one, for a judge explains before it grades.
 */
function fieldIn(text: string, field: string): number | null {
  const name = field.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return lastOf(text, String.raw`["'“”‘’]${name}["'“”‘’]\s*[:：]\s*["'“”‘’]?(-?\d+(?:\.\d+)?)`);
}

function lastOf(text: string, pattern: string): number | null {
  const found = [...text.matchAll(new RegExp(pattern, 'gu'))].at(-1)?.[1];
  const number = found === undefined ? Number.NaN : Number(found);
  return Number.isFinite(number) ? number : null;
}

/** How several judges become one. */
export const POOLS = ['mean', 'majority'] as const;
export type Pool = (typeof POOLS)[number];

/**
 * @param scores of one answer by each judge; null = it gave none.
 * @returns what they say together; null = none gave one.
 */
export function pooled(scores: readonly (number | null)[], pool: Pool): number | null {
  const given = scores.filter((score) => score !== null);
  if (given.length === 0) return null;
  const average = (list: readonly number[]) => list.reduce((sum, score) => sum + score, 0) / list.length;
  if (pool === 'mean') return average(given);
  const votes = new Map<number, number>();
  for (const score of given) votes.set(score, (votes.get(score) ?? 0) + 1);
  const most = Math.max(...votes.values());
  // Of equally many votes the mean.
  return average([...votes].flatMap(([score, count]) => (count === most ? [score] : [])));
}
