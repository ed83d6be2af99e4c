import { FailureError } from '../../../core/errors.js';
import type { Unanswered } from '../../../core/quality/outcome.js';
import type { Task } from '../../../core/quality/tasks/few-shot.js';

/** Codes of failures by which a task can never be asked of this model. */
const IMPOSSIBLE: ReadonlySet<string> = new Set(['impossible-combination', 'model-unsupported']);

/**
 * @returns why a task cannot be asked of this model; null for an error that says nothing of the task, such as
 *   a server that broke off.
 */
function whyImpossible(error: unknown): string | null {
  return error instanceof FailureError && IMPOSSIBLE.has(error.failure.code) ? error.failure.message : null;
}

/** What could not be asked. A task that cannot be asked takes none of the others with it. */
export class UnansweredList {
  readonly list: Unanswered[] = [];
  readonly #why: (error: unknown) => string | null;

  /** @param why by an error, the reason why a task cannot be asked; null = the error means something else. */
  constructor(why: (error: unknown) => string | null = whyImpossible) {
    this.#why = why;
  }

  has(name: string): boolean {
    return this.list.some(({ task }) => task === name);
  }

  /** @param task null = the text. @throws the error itself where it does not mean that. */
  note(task: string | null, error: unknown): null {
    const reason = this.#why(error);
    if (reason === null) throw error;
    this.list.push({ task, reason });
    return null;
  }

  /** @returns what was asked; null where it cannot be, which is noted. */
  async askOrNote<T>(task: string | null, ask: () => Promise<T>): Promise<T | null> {
    try {
      return await ask();
    } catch (error) {
      return this.note(task, error);
    }
  }
}

/** @returns what a task does not ask, if anything. */
export function leftOutSentence({ name, items, leftOut }: Task): string[] {
  const { byOnly, several } = leftOut;
  const parts = [
    ...(byOnly > 0 ? [`${byOnly} by only`] : []),
    ...(several > 0 ? [`${several} with several right options`] : []),
  ];
  if (parts.length === 0) return [];
  return [`${name}: ${items.length} items are asked, and left out are ${parts.join(' and ')}`];
}
