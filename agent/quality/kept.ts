import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FolderBodies } from '../../artifacts/files/bodies.js';
import { ifUnlocked } from '../../artifacts/files/lock.js';
import type { AnswerRecord } from '../../core/quality/answers/record.js';
import type { QualityOutcome, TaskOutcome } from '../../core/quality/outcome.js';
import { Journal, nameOf } from './journal.js';
import type { JudgedScores } from './tasks.js';

/** Where a child keeps answers; paths, since it travels to another process. */
export interface AnswersKept {
  /** While they come; whoever is given it again goes on there. Whoever gave it removes it. */
  readonly journal: string;
  /** Of everything that the answers follow from. */
  readonly identity: string;
  /** The store that gets them in the end. */
  readonly folder: string;
}

/**
 * Asks tasks with a journal that outlives this process, where answers are kept, and one of its own otherwise.
 * @param ask null = it could not be asked.
 */
export async function withAnswers<T extends { readonly name: string }>(
  kept: AnswersKept | undefined,
  tasks: readonly T[],
  ask: Ask<T>,
): Promise<Asked> {
  if (tasks.length === 0) return { outcomes: [], answers: {} };
  const alone = () => askInto(null, kept, tasks, ask);
  if (kept === undefined) return await alone();
  await mkdir(dirname(kept.journal), { recursive: true });
  const first = () => askInto(kept.journal, kept, tasks, ask);
  // Of two that ask the same, neither counts what the other one asks.
  return (await ifUnlocked(`${kept.journal}.lock`, first)) ?? (await alone());
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
): Promise<Asked> {
  const journal = Journal.open(path, kept?.identity ?? '');
  try {
    const outcomes: TaskOutcome[] = [];
    const judged = new Map<string, JudgedScores>();
    for (const task of tasks) {
      const asked = await ask(task, journal);
      if (asked === null) continue;
      outcomes.push(asked.outcome);
      judged.set(task.name, asked.judged);
    }
    if (kept === undefined) return { outcomes, answers: {} };
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

function withJudged(record: AnswerRecord, judged: JudgedScores): AnswerRecord {
  const found = Object.entries(judged).map(([name, values]) => {
    const value = values[record.index] ?? Number.NaN;
    return [name, Number.isNaN(value) ? null : value];
  });
  return found.length === 0
    ? record
    : { ...record, scores: { ...record.scores, ...Object.fromEntries(found) } };
}
