import { createHash } from 'node:crypto';
import type { TextRequest } from '../../core/quality/outcome.js';
import type { QuestionsOfTask } from '../../core/quality/questions.js';
import type { Task } from '../../core/quality/tasks/few-shot.js';
import type { RankingTask } from '../../core/ranking/task.js';
import { canonicalJson } from '../../core/sweep/identity.js';

/** What a task was asked by, and what its answers were scored by. */
export type Digests = Pick<QuestionsOfTask, 'asking' | 'scoring'>;

/** Counts up when a scorer, or the reading of answers, gives other scores for the same answers: kept answers are then scored again. */
const SCORING_RELEASE = 1;

/** @returns the digest of values in their order. Items come one by one: a hundred thousand questions are no single text. */
function digestOfValues(values: Iterable<unknown>): string {
  const sha256 = createHash('sha256');
  for (const value of values) sha256.update(`${canonicalJson(value)}\n`);
  return `sha256:${sha256.digest('hex')}`;
}

/**
 * Digests of a task as it is put to a model. Whatever changes an answer is in `asking`; what only decides what an answer is worth is in
 * `scoring`. Options of the runner are in neither: they are in the id of the experiment.
 */
export function digestsOf(task: Task): Digests {
  return { asking: digestOfValues(askingOf(task)), scoring: digestOfValues(scoringOf(task)) };
}

function* askingOf({ task, way, spec, stops, items, rules, awaits }: Task): Generator<unknown> {
  const { mode, chat, maxTokens, stop, sampling, samples } = spec;
  const generates = mode === 'generate' ? { maxTokens, stop, sampling, samples } : null;
  // An answer says what each rule takes, the base's that alone.
  yield { task, way, mode, chat, stops, generates, rules };
  for (const { id, prompt, choices, shown } of items) {
    const { continuations, prompts, texts } = choices ?? {};
    yield { id, prompt, continuations, prompts, texts, shown };
  }
  if (awaits === undefined) return;
  yield { pooling: awaits.pooling };
  // Which of them are shown is known when the model has made vectors.
  for (const { id, prompt, solution, references } of awaits.examples ?? awaits.items)
    yield { id, prompt, solution, references };
}

function* scoringOf({ spec, readings, items }: Task): Generator<unknown> {
  const { scorers, tolerance, exactMatch } = spec;
  yield { release: SCORING_RELEASE, scorers, tolerance, exactMatch, readings };
  for (const { groups, references, choices, program, letters, docDigest } of items)
    yield { groups, references, answers: choices?.answers, program, letters, docDigest };
}

/** The same of a text: what it is worth follows from the model alone. @param digest of the file. */
export function digestsOfText({ windows, basePrecision }: TextRequest, digest: string): Digests {
  return { asking: digestOfValues([digest, windows, basePrecision]), scoring: NOTHING };
}

/**
 * The same of documents that are put in order: those who put them in order see the judgements (`only` what has any is asked).
 * @param digests of the files, in their order.
 */
export function digestsOfRanking({ task, way, spec }: RankingTask, digests: readonly string[]): Digests {
  return { asking: digestOfValues([task, way, spec, digests]), scoring: NOTHING };
}

const NOTHING = digestOfValues([]);

/** @returns what answers are scored by, where commands of the node judge them, too. @param judges by their names, as `identityOf` has them. */
export function withJudges({ asking, scoring }: Digests, judges: Readonly<Record<string, unknown>>): Digests {
  return Object.keys(judges).length === 0
    ? { asking, scoring }
    : { asking, scoring: digestOfValues([scoring, judges]) };
}
