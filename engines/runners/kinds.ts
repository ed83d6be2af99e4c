import { RUNNERS } from '../../core/runners/index.js';

/**
 * The runners that this agent has, in the order of their descriptions, which the child of a trial does
 * without.
 */
export const RUNNER_KINDS: readonly string[] = RUNNERS.map(({ kind }) => kind);
