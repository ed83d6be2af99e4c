import { join } from 'node:path';
import { type AnswersKept, withAnswers } from '../../agent/quality/asking/kept.js';
import type { Respondent } from '../../agent/quality/asking/respondent.js';
import { measureTask } from '../../agent/quality/asking/tasks.js';
import type { QualityOutcome } from '../../core/quality/outcome.js';
import { plainTask } from '../../core/quality/tasks/definition.js';
import { askedSo, type Task } from '../../core/quality/tasks/few-shot.js';
import { temporaryFolder } from './folder.js';

/** Where answers are kept for the length of a test. */
export function keeping(identity = 'a'): AnswersKept {
  const folder = temporaryFolder();
  return { journal: join(folder, 'journal.jsonl'), identity, folder: join(folder, 'answers') };
}

/** Questions whose answers are numbers, in groups. @param prompt characters of each */
export function numbers(count: number, prompt = 10): Task {
  const { name, spec } = plainTask('numbers', 'numbers.jsonl');
  const items = Array.from({ length: count }, (_, i) => ({
    id: `q${i}`,
    groups: { parity: i % 2 === 0 ? 'even' : 'odd' },
    prompt: 'x'.repeat(prompt),
    choices: null,
    references: [String(i)],
  }));
  const asked = { ...spec, mode: 'generate' as const, scorers: ['numeric' as const] };
  return askedSo({ name, spec: asked }, items);
}

const QUIET = { progress() {}, async checkStop() {} };

/** Right about even numbers. @param stopAt it breaks at this question, which it has heard */
export function speaker(heard: number[], { stopAt = -1, says = '' } = {}): Respondent {
  return {
    by: 'logits',
    choiceScores: [],
    choose: () => Promise.reject(new Error('nothing to choose')),
    async say(index) {
      heard.push(index);
      if (index === stopAt) throw new Error('killed');
      const text = `${says} it is ${index % 2 === 0 ? index : index + 1}`;
      const samples = [{ text, tokensOut: 3, seconds: 0.002 }];
      return { text, samples, tokensIn: 10, tokensOut: 3, secondsToFirst: 0.001 };
    },
  };
}

/** Asks a model the questions of a task, and keeps its answers where that is wanted. */
export async function askNumbers(
  kept: AnswersKept | undefined,
  task: Task,
  model: Respondent,
): Promise<Pick<QualityOutcome, 'answers' | 'tasks'>> {
  const { answers, outcomes } = await withAnswers(kept, [task], (one, journal) =>
    measureTask(one, { model, base: null, chat: null, scorers: {}, journal, watch: QUIET }),
  );
  return { tasks: outcomes, ...answers };
}
