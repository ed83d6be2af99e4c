import { createHash } from 'node:crypto';
import type { TextRequest } from '../../../core/quality/outcome.js';
import type { QuestionsOfTask } from '../../../core/quality/questions.js';
import type { Task } from '../../../core/quality/tasks/few-shot.js';
import type { RankingTask } from '../../../core/ranking/task.js';
import { canonicalJson } from '../../../core/sweep/identity.js';

/** What a task was asked by, and what its answers were scored by. */
export type Digests = Pick<QuestionsOfTask, 'asking' | 'scoring'>;

/**
 * Is raised when a scorer, or the reading of answers, comes to give other scores for the same answers. Kept
 * answers are then scored again.
 */
const SCORING_RELEASE = 1;

/**
 * @returns the digest of values in their order. They are hashed one by one: a hundred thousand questions
 *   would be too long for one text.
 */
function digestOfValues(values: Iterable<unknown>): string {
  const sha256 = createHash('sha256');
  for (const value of values) sha256.update(`${canonicalJson(value)}\n`);
  return `sha256:${sha256.digest('hex')}`;
}

/**
 * Digests of a task as it is put to a model. Whatever changes an answer is in `asking`; what only decides
 * what an answer is worth is in `scoring`. Options of the runner are in neither: they are in the id of the
 * experiment.
 */
export function digestsOf(task: Task): Digests {
  return { asking: digestOfValues(askingOf(task)), scoring: digestOfValues(scoringOf(task)) };
}

function* askingOf({ task, way, spec, stops, items, rules, awaits }: Task): Generator<unknown> {
  const { mode, chat, maxTokens, stop, sampling, samples } = spec;
  const generates = mode === 'generate' ? { maxTokens, stop, sampling, samples } : null;
  // The rules are part of it: an answer keeps only the option that each of them took.
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

/** The same of a text. Nothing scores it but the model. @param digest of the file. */
export function digestsOfText({ windows, basePrecision }: TextRequest, digest: string): Digests {
  return { asking: digestOfValues([digest, windows, basePrecision]), scoring: NOTHING };
}

/**
 * The same of a ranking. Its judgements are part of the asking: they decide which queries are asked.
 * @param digests of the files, in their order.
 */
export function digestsOfRanking({ task, way, spec }: RankingTask, digests: readonly string[]): Digests {
  return { asking: digestOfValues([task, way, spec, digests]), scoring: NOTHING };
}

const NOTHING = digestOfValues([]);

/**
 * @returns the digests of a task with the commands of the node that judge its answers.
 * @param judges by name, what each does, as `identityOf` has it.
 */
export function withJudges({ asking, scoring }: Digests, judges: Readonly<Record<string, unknown>>): Digests {
  return Object.keys(judges).length === 0
    ? { asking, scoring }
    : { asking, scoring: digestOfValues([scoring, judges]) };
}
