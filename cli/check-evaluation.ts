import { checkAsked } from '../agent/door/answers.js';
import { toFailure } from '../core/errors.js';
import type { Sweep } from '../core/sweep/spec.js';
import { EXIT, fromFailure } from './exit.js';
import { isMissing, type ModelSettings } from './local-models.js';
import type { nodeConfig } from './node-config.js';

/**
 * Reads what a sweep asks about answers, and the graphs that it names, at each of their settings: an error in
 * a file would otherwise fail every trial of hours.
 * @param node what its configuration lets graphs run and scores come from.
 * @param onMissing called for what is not on this machine, and of which it is; without it that is an error.
 * @returns a sentence without its end for each task that a model cannot be asked.
 * @throws CommandError (2) with every error of the task files, or of the first graph that has some.
 */
export async function checkEvaluation(
  sweep: Sweep,
  settings: ModelSettings,
  node: ReturnType<typeof nodeConfig>,
  onMissing?: (of: 'quality' | 'graph', why: string) => void,
): Promise<string[]> {
  const unasked = await checkAsked(sweep, settings, node, (of, error) => {
    const reason = toFailure(error);
    if (reason.code === 'internal') throw error;
    if (onMissing === undefined || !isMissing(reason)) throw fromFailure(reason, EXIT.usage);
    onMissing(of, reason.message);
  });
  return unasked.map(({ task, model }) => `${task} asks by a chat template, and ${model} has none`);
}
