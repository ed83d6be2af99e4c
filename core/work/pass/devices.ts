import type { Parallelism } from './setting.js';

/**
 * @returns groups of devices that have the attention each, and sequences of their own: experts that are
 *   spread over more devices than matrices are meet the tokens of all of them.
 */
export function replicasOf({ tensor, expert }: Parallelism): number {
  return expert > tensor ? expert / tensor : 1;
}

/** @returns all devices that a model is spread over. */
export function devicesOf(parallelism: Parallelism): number {
  return parallelism.tensor * replicasOf(parallelism) * parallelism.pipeline;
}
