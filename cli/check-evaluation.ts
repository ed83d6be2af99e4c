import { evaluationOf } from '../agent/quality/policy.js';
import type { Scorers } from '../agent/quality/scorers.js';
import type { ModelSettings } from '../artifacts/files/resolve.js';
import { type Failure, toFailure } from '../core/errors.js';
import type { Sweep } from '../core/sweep/spec.js';
import { EXIT, fromFailure } from './exit.js';

/**
 * Reads what a sweep asks about answers: an error in a task file would otherwise fail every trial of hours.
 * @param onMissing called for what is not on this machine; without it that is an error.
 * @throws CommandError (2) with every error of every file.
 */
export async function checkEvaluation(
  { quality }: Sweep,
  settings: ModelSettings,
  scorers: Scorers,
  onMissing?: (why: string) => void,
): Promise<void> {
  if (quality === null) return;
  try {
    await evaluationOf(quality, settings, scorers);
  } catch (error) {
    const reason = toFailure(error);
    if (reason.code === 'internal') throw error;
    if (onMissing === undefined || !isMissing(reason)) throw fromFailure(reason, EXIT.usage);
    onMissing(reason.message);
  }
}

function isMissing({ code }: Failure): boolean {
  return code === 'model-missing' || code === 'source-not-allowed';
}
