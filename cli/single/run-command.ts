import { toFailure } from '../../core/errors.js';
import { CommandError, EXIT, fromFailure } from '../exit.js';

/** Failures by what was typed and not by what was done. */
const WORDS: readonly string[] = ['model-missing', 'source-not-allowed', 'impossible-combination'];

/** Runs a command; a failure ends it with its sentence: 2 for a usage error, 1 where the work failed. */
export async function runCommand(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const reason = toFailure(error);
    const code = WORDS.includes(reason.code) ? EXIT.usage : EXIT.failed;
    throw fromFailure(reason, reason.code === 'cancelled' ? EXIT.interrupted : code);
  }
}
