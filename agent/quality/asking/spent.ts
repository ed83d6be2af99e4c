import type { AnswerRecord } from '../../../core/quality/answers/record.js';
import type { TaskOutcome } from '../../../core/quality/outcome.js';

type Took = Pick<AnswerRecord, 'seconds' | 'tokensIn' | 'tokensOut'>;
const PARTS = ['seconds', 'tokensIn', 'tokensOut'] as const;

/** What answers took of a model, one by one: sums alone are kept. */
export class Spent {
  readonly #parts = PARTS.map((name) => ({ name, sum: 0, known: 0 }));

  add(took: Took): void {
    for (const part of this.#parts) {
      const value = took[part.name];
      if (value === null) continue;
      part.sum += value;
      part.known += 1;
    }
  }

  /** Means over the answers that say it; null of none. */
  get perItem(): NonNullable<TaskOutcome['perItem']> {
    const [seconds, tokensIn, tokensOut] = this.#parts.map(({ sum, known }) =>
      known === 0 ? null : sum / known,
    );
    return { seconds: seconds!, tokensIn: tokensIn!, tokensOut: tokensOut! };
  }
}

/** @returns the means of these answers. */
export function spentOn(answers: readonly Took[]): NonNullable<TaskOutcome['perItem']> {
  const spent = new Spent();
  for (const one of answers) spent.add(one);
  return spent.perItem;
}
