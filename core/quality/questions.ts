import { z } from 'zod';
import { digestSchema } from '../digest.js';
import { groupBy } from '../maps.js';

/** What one task, or the text (null), was asked by, and what its answers were scored by. */
const questionsOfTaskSchema = z.object({
  task: z.string().nullable(),
  /**
   * Of all that answers follow from beside the model: items, prompts, examples, sampling; of the text its
   * bytes and windows.
   */
  asking: digestSchema,
  /**
   * Of all that scores follow from beside the answers: keys, scorers with their options, what is read in an
   * answer, judges.
   */
  scoring: digestSchema,
});
export type QuestionsOfTask = z.infer<typeof questionsOfTaskSchema>;

export const questionsSchema = z.array(questionsOfTaskSchema);

/** What is to be done about kept answers, and why. */
export const changeSchema = z.object({
  /** null = the text. */
  task: z.string().nullable(),
  todo: z.enum(['score again', 'ask again', 'ask', 'drop']),
  /** A clause. */
  reason: z.string(),
});
export type Change = Readonly<z.infer<typeof changeSchema>>;

/**
 * Compares the questions that kept answers were given to with those of today. A task whose asking has changed
 * is asked again. Where its scoring alone has changed, kept answers are scored again. Other answers stay.
 * @param before null = there are no answers.
 * @returns what is to be done, by task; nothing where all answers stay.
 */
export function changesOf(
  before: readonly QuestionsOfTask[] | null,
  now: readonly QuestionsOfTask[],
): Change[] {
  const known = new Map((before ?? []).map((one) => [one.task, one]));
  const changes = now.flatMap(({ task, asking, scoring }): Change[] => {
    const old = known.get(task);
    known.delete(task);
    if (before === null) return [{ task, todo: 'ask', reason: `${nameOf(task)} has no answers` }];
    if (old === undefined) return [{ task, todo: 'ask', reason: `${nameOf(task)} is new` }];
    if (old.asking !== asking)
      return [{ task, todo: 'ask again', reason: `the questions of ${nameOf(task)} changed` }];
    if (old.scoring !== scoring)
      return [
        { task, todo: 'score again', reason: `the key, the scorers or a judge of ${nameOf(task)} changed` },
      ];
    return [];
  });
  const gone = [...known.keys()].map(
    (task): Change => ({ task, todo: 'drop', reason: `${nameOf(task)} is asked no more` }),
  );
  return [...changes, ...gone];
}

const nameOf = (task: string | null) => (task === null ? 'the text' : task);

const DONE = {
  'score again': 'scored again from kept answers',
  'ask again': 'asked again',
  ask: 'asked',
  drop: 'dropped',
} as const satisfies Record<Change['todo'], string>;

/**
 * @returns a sentence for each kind of change, with the number of rows that have it.
 * @param rows the changes of each row.
 */
export function changeSentences(rows: readonly (readonly Change[])[]): string[] {
  const all = rows.flat();
  return [...groupBy(all, ({ reason, todo }) => `${reason}: ${DONE[todo]}`)].map(
    ([sentence, { length }]) => `${length} ${length === 1 ? 'row' : 'rows'}: ${sentence}`,
  );
}
