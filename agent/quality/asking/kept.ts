import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FolderBodies, linesOf } from '../../../artifacts/files/bodies.js';
import { ifUnlocked } from '../../../artifacts/files/lock.js';
import { failed } from '../../../core/errors.js';
import { type AnswerRecord, readAnswer } from '../../../core/quality/answers/record.js';
import type { QualityOutcome, TaskOutcome } from '../../../core/quality/outcome.js';
import type { JudgedScores } from '../scoring/judged.js';
import { Journal, nameOf } from './journal.js';

/** Where a child keeps answers; paths, since it travels to another process. */
export interface AnswersKept {
  /** While they come; whoever is given it again goes on there. Whoever gave it removes it. */
  readonly journal: string;
  /** Of everything that the answers follow from. */
  readonly identity: string;
  /** The store that gets them in the end. */
  readonly folder: string;
  /**
   * By the name of a task: the body in that store with the answers to all of its questions, which are not
   * asked again. Left out = of none.
   */
  readonly known?: Readonly<Record<string, string>>;
}

/** @returns whether all answers to a task are here already. */
export const isKnown = (kept: AnswersKept | undefined, { name }: { readonly name: string }): boolean =>
  kept?.known?.[name] !== undefined;

/**
 * Asks tasks with a journal that outlives this process, where answers are kept, and one of its own otherwise.
 * @param ask null = it could not be asked.
 * @param rescore scores an answer that is kept, whose question is the same still.
 */
export async function withAnswers<T extends { readonly name: string }>(
  kept: AnswersKept | undefined,
  tasks: readonly T[],
  ask: Ask<T>,
  rescore: (task: T, record: AnswerRecord) => AnswerRecord = (_, record) => record,
): Promise<Asked> {
  if (tasks.length === 0) return { outcomes: [], answers: {} };
  const askUnkept = () => askInto(null, kept, tasks, ask, rescore);
  if (kept === undefined) return await askUnkept();
  await mkdir(dirname(kept.journal), { recursive: true });
  const askKept = () => askInto(kept.journal, kept, tasks, ask, rescore);
  // Of two that ask the same, neither counts what the other one asks.
  return (await ifUnlocked(`${kept.journal}.lock`, askKept)) ?? (await askUnkept());
}

type Ask<T> = (
  task: T,
  journal: Journal,
) => Promise<{ readonly outcome: TaskOutcome; readonly judged: JudgedScores } | null>;

interface Asked {
  readonly outcomes: readonly TaskOutcome[];
  readonly answers: Pick<QualityOutcome, 'answers'>;
}

async function askInto<T extends { readonly name: string }>(
  path: string | null,
  kept: AnswersKept | undefined,
  tasks: readonly T[],
  ask: Ask<T>,
  rescore: (task: T, record: AnswerRecord) => AnswerRecord,
): Promise<Asked> {
  const journal = Journal.open(path, kept?.identity ?? '');
  try {
    const outcomes: TaskOutcome[] = [];
    const judged = new Map<string, JudgedScores>();
    for (const task of tasks) {
      const body = kept?.known?.[task.name];
      if (kept !== undefined && body !== undefined) {
        for await (const record of answersIn(kept.folder, body, task.name))
          if (!journal.has(task.name, record.index)) journal.append({ ...rescore(task, record), kept: true });
      }
      const asked = await ask(task, journal);
      if (asked === null) continue;
      outcomes.push(asked.outcome);
      judged.set(task.name, asked.judged);
    }
    if (kept === undefined || outcomes.length === 0) return { outcomes, answers: {} };
    // A server may have answered some items of a task, and then no more: those are asked elsewhere.
    const finished = (record: AnswerRecord) => {
      const scores = judged.get(nameOf(record));
      return scores === undefined ? null : withJudged(record, scores);
    };
    return { outcomes, answers: { answers: await journal.keep(new FolderBodies(kept.folder), finished) } };
  } finally {
    journal.close();
  }
}

/**
 * @returns the answers to one task that a body has.
 * @throws FailureError `digest-mismatch` for a body that is damaged.
 */
async function* answersIn(folder: string, digest: string, task: string): AsyncGenerator<AnswerRecord> {
  for await (const line of linesOf(new FolderBodies(folder), digest)) {
    const record = readAnswer(line);
    if (typeof record === 'string')
      throw failed('digest-mismatch', `the file ${digest} is damaged: ${record}`);
    if (nameOf(record) === task) yield record;
  }
}

function withJudged(record: AnswerRecord, judged: JudgedScores): AnswerRecord {
  const found = Object.entries(judged).map(([name, values]) => {
    const value = values[record.index] ?? Number.NaN;
    return [name, Number.isNaN(value) ? null : value];
  });
  return found.length === 0
    ? record
    : { ...record, scores: { ...record.scores, ...Object.fromEntries(found) } };
}
