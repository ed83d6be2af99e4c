import { createContext, Script } from 'node:vm';
import { failed } from '../core/errors.js';

/**
 * What a pattern or a template of a model may take for one short text: the largest vocabularies take
 * thousandths of it.
 */
export const CALL_SECONDS = 10;
/** Of a long one more: readers in JavaScript do some hundred thousand a second. */
const LEAST_CHARACTERS_PER_SECOND = 10_000;

const box = createContext({ work: () => undefined }) as { work: () => unknown };
const script = new Script('work()');

/**
 * Does what a stranger's pattern or template asks for, and ends it in the middle where that takes too long; a
 * timer would have to wait for it. Native code is not ended.
 * @param what for the sentence: `the chat template`.
 * @param seconds for a text of no characters.
 * @throws FailureError `model-unreadable`; else what the work throws.
 */
export function boundedWork<T>(what: string, work: () => T, seconds: number, characters = 0): T {
  const limit = seconds + Math.ceil(characters / LEAST_CHARACTERS_PER_SECOND);
  const around = box.work;
  box.work = work;
  try {
    return script.runInContext(box, { timeout: Math.ceil(1000 * limit) }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    const hint = 'Get the model again from its publisher, or name another one.';
    throw failed('model-unreadable', `${what} takes longer than ${limit} s`, hint);
  } finally {
    box.work = around;
  }
}
