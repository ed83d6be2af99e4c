import type { Parallelism } from './setting.js';

/**
 * @returns groups of devices that have the attention each, and sequences of their own: experts that are
 *   spread over more devices than matrices are meet the tokens of all of them.
 */
export function replicasOf({ tensor, expert, data }: Parallelism): number {
  return data ?? Math.max(1, expert / tensor);
}

/** @returns devices that cut each expert. */
export function expertTensorOf(parallelism: Parallelism): number {
  return (parallelism.tensor * replicasOf(parallelism)) / parallelism.expert;
}

/** @returns all devices that a model is spread over. */
export function devicesOf(parallelism: Parallelism): number {
  return parallelism.tensor * replicasOf(parallelism) * parallelism.pipeline;
}
