import type { ParallelSetting } from './setting.js';

/**
 * @returns groups of devices that have the attention each, and sequences of their own: experts that are spread over more devices
 *   than matrices are meet the tokens of all of them.
 */
export function replicasOf({ tensor, expert }: ParallelSetting): number {
  return expert > tensor ? expert / tensor : 1;
}

/** @returns all devices that a model is spread over. */
export function devicesOf(parallel: ParallelSetting): number {
  return parallel.tensor * replicasOf(parallel) * parallel.pipeline;
}
