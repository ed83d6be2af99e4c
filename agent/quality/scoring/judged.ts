import type { AnswerRecord } from '../../../core/quality/answers/record.js';
import { combinedScore, scoresGiven } from '../../../core/quality/reading/readings.js';
import { externalName } from '../../../core/quality/scorers/index.js';
import type { Task } from '../../../core/quality/tasks/few-shot.js';
import { plainPrompt } from '../../../core/quality/tasks/prompt.js';
import { stoppedBy, type Watch } from '../watch.js';
import { answersIn } from './answers.js';
import { type Scorers, scoreBy } from './scorers.js';

/** What scorers of the node are given. */
export interface Judging {
  readonly scorers: Scorers;
  /** The answers to the task; read anew for each scorer, since they need not fit into memory. */
  readonly answers: () => Iterable<AnswerRecord>;
  readonly watch: Watch;
}

/** By external scorer, what it gave each answer, by index; NaN = it could not score it. */
export type JudgedScores = Readonly<Record<string, Float64Array>>;

/**
 * Has scorers of the node score answers: each scorer once, whatever scores are made of what it gives.
 * @param of whose answers of a record.
 * @returns by score, its values by index.
 */
export async function judgedScores(
  task: Task,
  of: 'model' | 'base',
  judging: Judging,
): Promise<JudgedScores> {
  const { spec, readings, items } = task;
  const byScorer = new Map<string, readonly (readonly (number | null)[])[]>();
  const found: Record<string, Float64Array> = {};
  for (const { name, scorer, reading } of scoresGiven(spec, readings)) {
    const external = externalName(scorer);
    if (external === null) continue;
    const each = byScorer.get(external) ?? (await judge(external, task, of, judging));
    byScorer.set(external, each);
    found[name] = Float64Array.from(items, (_, i) => {
      const scores = each[i] ?? [];
      // An answer that nobody could score leaves its item without a score.
      return scores.length === 0 || scores.includes(null)
        ? Number.NaN
        : combinedScore(scores as number[], reading.pass);
    });
  }
  return found;
}

/** @returns by index of an item, the scores of all answers to it. */
async function judge(
  name: string,
  task: Task,
  of: 'model' | 'base',
  { scorers, answers, watch }: Judging,
): Promise<readonly (readonly (number | null)[])[]> {
  const order: number[] = [];
  function* questions() {
    for (const record of answers()) {
      const item = task.items[record.index];
      if (item === undefined) continue;
      const { id, prompt, references, groups, program } = item;
      for (const answer of answersIn(record, of)) {
        order.push(record.index);
        yield {
          id,
          prompt: plainPrompt(prompt),
          answer,
          references,
          task: task.name,
          groups,
          ...(program && { program }),
        };
      }
    }
  }
  const { stopped, end } = stoppedBy(watch);
  try {
    const scores = await scoreBy(name, scorers[name]!, questions(), stopped);
    const byItem: (number | null)[][] = task.items.map(() => []);
    scores.forEach((score, i) => {
      byItem[order[i]!]!.push(score);
    });
    return byItem;
  } finally {
    end();
  }
}
